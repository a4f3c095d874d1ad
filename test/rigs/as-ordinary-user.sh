#!/bin/bash
# Runs a command as a throw-away ordinary user (uid 1500) that exists only in a private mount namespace.
#   as-ordinary-user.sh HOME SUBIDS COMMAND...      SUBIDS: ranges for /etc/subuid and /etc/subgid, may be empty
set -e
home=$1 subids=$2
shift 2
if [ "$IMGPIPE_TEST_INNER" != 1 ]; then
  IMGPIPE_TEST_INNER=1 exec unshare --mount --propagation private "$0" "$home" "$subids" "$@"
fi
unset IMGPIPE_TEST_INNER
for file in passwd group subuid subgid; do
  if [ ! -e /etc/$file ]; then echo "no /etc/$file to cover" >&2; exit 77; fi
  cat /etc/$file > "$home/$file"
done
echo "imgpipe-test:x:1500:1500::$home:/bin/sh" >> "$home/passwd"
echo "imgpipe-test:x:1500:" >> "$home/group"
echo "$subids" > "$home/subuid"
echo "$subids" > "$home/subgid"
for file in passwd group subuid subgid; do mount --bind "$home/$file" /etc/$file; done
chown 1500:1500 "$home"
exec setpriv --reuid 1500 --regid 1500 --clear-groups --inh-caps=-all \
  env -i HOME="$home" USER=imgpipe-test PATH="$PATH" "$@"
