#!/bin/sh
# Makes the static pages that the site links to.
set -eu
mkdir -p /srv/www/pages
i=0
while [ "$i" -lt 200 ]; do
  printf '<html><body>page %d</body></html>\n' "$i" >"/srv/www/pages/page$i.html"
  i=$((i + 1))
done
chown -R deploy:deploy /srv/www/pages
