#!/bin/bash
# The floor: a plain script that makes the image of pipelines/debian-web by the same tools in the same order, without any
# cache or check. With `disk` only the disk image of a tree that is there already (mke2fs and qemu-img).
#   floor.sh build WORK FILES     WORK: empty folder; FILES: pipelines/debian-web
#   floor.sh disk WORK TREE       TREE: the finished file tree
set -eu
mode=$1 work=$2

disk() {
  local tree=$1 image=$work/floor.raw
  rm -f "$image" "$work/floor.qcow2"
  truncate -s 2000000000 "$image"
  printf 'label: gpt\nstart=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\nstart=4096, size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\nstart=135168, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n' | sfdisk -q "$image"
  mke2fs -q -F -t ext4 -L root -E offset=$((135168 * 512)),lazy_itable_init=1,lazy_journal_init=1,nodiscard -m 1 -d "$tree" "$image" 1850000k
  qemu-img convert -O qcow2 "$image" "$work/floor.qcow2"
}

if [ "$mode" = disk ]; then
  disk "$3"
  exit
fi

files=$3
root=$work/root
export SOURCE_DATE_EPOCH=1735689600
mmdebstrap --mode=root --variant=minbase bookworm "$root" >"$work/mmdebstrap.log" 2>&1 </dev/null
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 chroot "$root" /bin/sh -ec "$1" >>"$work/steps.log" 2>&1; }
trap 'umount "$root/proc" 2>/dev/null || true' EXIT
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d"
in_root 'apt-get update -qq; apt-get install -y -qq --no-install-recommends linux-image-cloud-amd64 systemd-sysv udev dbus openssh-server nginx-light iproute2 ca-certificates'
in_root 'groupadd -g 1500 deploy'
in_root 'useradd -m -u 1500 -g deploy -s /bin/bash deploy'
cp "$files/scripts/pages.sh" "$root/tmp/pages.sh" && in_root 'sh /tmp/pages.sh; rm /tmp/pages.sh'
in_root 'systemctl enable nginx ssh systemd-networkd'
in_root 'ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime'
echo debian-web >"$root/etc/hostname"
echo 'Built by a script.' >"$root/etc/motd"
echo 'net.core.somaxconn = 1024' >"$root/etc/sysctl.d/60-floor.conf"
cp "$files/files/80-dhcp.network" "$root/etc/systemd/network/"
rm -f "$root/etc/nginx/sites-enabled/default"
sed 's/{{ hostname }}/debian-web/' "$files/files/nginx/debian-web.conf" >"$root/etc/nginx/conf.d/debian-web.conf"
mkdir -p "$root/srv/www" && cp -r "$files/files/www/." "$root/srv/www/"
rm -rf "$root"/etc/ssh/ssh_host_* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root/usr/sbin/policy-rc.d"
: >"$root/etc/machine-id"
umount "$root/proc"
disk "$root"
