#!/bin/bash
# The floor of bench/package.ts: apt-get installs the package that the file `package` of a root file system names, in a
# chroot of it.
#   apt-install.sh ROOT
set -eu
root=$1
trap 'umount "$root/proc" "$root/dev" 2>/dev/null || true' EXIT
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
  chroot "$root" /bin/sh -ec 'apt-get update -qq; apt-get install -y -qq --no-install-recommends "$(cat /package)"'
