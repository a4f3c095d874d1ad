/** Text of docs/exporters.md about the disk that exports are made from. */
export const LAYOUTS = `## Disk layouts

The field \`disk\` of a template says how the disk is laid out ([reference](reference/template.md)). No layout needs root, loop
devices or mounts on the host: an ordinary user gets the bytes that root gets.

| \`disk\` | choices | read back by | booted by |
| --- | --- | --- | --- |
| \`table\` | \`gpt\`, \`mbr\` | sfdisk, parted, partx | QEMU: GPT by BIOS and UEFI, MBR by BIOS |
| \`fileSystem\`, \`partitions[].fileSystem\` | \`ext4\` | e2fsck, debugfs, GRUB | QEMU |
|  | \`xfs\` | xfs_repair, xfs_db, GRUB | QEMU |
|  | \`btrfs\` | btrfs check, btrfs restore, GRUB | by hand, not in the tests |
| \`partitions\` | any folders but those that are needed before mounting | e2fsck, findmnt | QEMU: \`/boot\` and \`/var\` |
| \`swap\` | any size | swaplabel | QEMU |
| \`lvm\` | a volume group with free space | lvm2 (pvs, vgs, lvs, vgck, pvck), GRUB, blkid | QEMU: root, \`/boot\` and swap by BIOS; by hand by UEFI, and with a plain \`/boot\` |
| \`espMount\` | a folder such as \`/boot/efi\` | mtools | |

- **Reproducible** are all layouts but those with btrfs: mkfs.btrfs numbers files by the inodes they have on the host, and takes
  identifiers of the device and its trees, and some times, from chance and the clock. The UUID of the file system is
  fixed there too. Its top folder belongs to root with mode 0755; another one is refused.
- **Edits of files are patched in** where the root is ext4 and the only file system: a change of a file then costs as much
  as the file. Other disks are made in full.
- **XFS** is filled by \`mkfs.xfs -p\`, which keeps neither extended attributes (file capabilities, ACLs) nor blanks in names:
  an image with them is refused and the files are named. Files with several names (hard links) become several files. It
  takes 300 MiB at least.
- **Partitions, swap and the ESP with \`espMount\`** are told to the image in its \`/etc/fstab\`, by PARTUUID, and only in the disk:
  exports of layers have the file as the layers do. The root is found by the kernel's \`root=PARTUUID=\`. Logical
  volumes are named by their device instead.
- **An MBR** has four primary partitions; the boot loader lies before the first. Its root does not grow by itself, since
  systemd-repart grows those of a GPT only.
- **LVM**: with \`lvm\` the root, the swap and the \`partitions\` are linear logical volumes of one volume group, whose physical volume is
  the last partition; a partition with \`lvm: false\` stays one. imgpipe writes LVM's metadata itself, so neither lvm2 nor loop devices are
  needed on the host. The image needs the package \`lvm2\` and an initial RAM disk to find its root; one without them is refused. Volumes are named after their mount points (\`root\`, \`swap\`, \`var-log\` for \`/var/log\`) or by \`name\`, and found as
  \`/dev/mapper/GROUP-VOLUME\`. Extents have 4 MiB. \`lvm.free\` keeps space for more volumes and snapshots. GRUB reads the kernel from
  a volume as well as from a plain \`/boot\`. Like all identifiers those of LVM are the same in all machines from one image: before one's disk
  is attached to another, give it others with \`vgimportclone\`.
- **Growing**: with \`growRoot\` (the default) the root of an image that has systemd-repart takes the free space of a larger disk
  at boot. It lies last on the disk for that. A root on LVM does not grow by itself: after \`growpart\` on the last partition
  \`pvresize\` gives the space to the group, and \`lvextend --resizefs\` to a volume.

Root, \`/var\` and swap on LVM beside a plain \`/boot\`, with 2 GB of the group kept free:

\`\`\`yaml
steps:
  - { type: package, install: [linux-image-cloud-amd64, lvm2] }
disk:
  lvm: { group: system, free: 2GB }
  partitions:
    - { mount: /boot, size: 512MB, lvm: false }
    - { mount: /var, size: 4GB }
  swap: 1GB
\`\`\`

## Images for arm64 on amd64

Debian 12 for arm64 was made on an amd64 host: bootstrapped, a kernel installed, and put on a disk that boots by UEFI. It takes
\`arch-test\` and \`qemu-user-static\` with its binary formats registered in the kernel (\`binfmt_misc\`), so that the programs
of the image run emulated, and GRUB's modules from \`grub-efi-arm64-bin:arm64\` (after \`dpkg --add-architecture arm64\`). With two
processors at work for others as well the bootstrap took 1.4 to 5 minutes and the packages, most of it the initial RAM disk,
4 to 23 minutes.

Under \`qemu-system-aarch64\` with Debian's UEFI firmware (\`qemu-system-arm\`, \`qemu-efi-aarch64\`) the image started: firmware,
GRUB, kernel, root file system, systemd up to its multi-user target with the SSH server. All emulated and with processors that
were busy, that took 6 and 13 minutes in two runs. There was no login prompt on the serial port in either: systemd waits 90 seconds
for the port, and finding devices took longer there. None of this is part of the tests.

## What is not shown

- The schemas of the DMTF for OVF are in no package of Debian or npm, so in the tests \`xmllint\` checks that descriptors are
  well-formed, and tests check their elements and digests. By hand the descriptors of both profiles, with product, licence and
  several networks, were validated against DSP8023 1.0 with \`xmllint --schema\`: all are valid.
- SPDX's own schema is in no package either. The bill of a Debian image (140 packages, 8,235 files) was validated by hand against
  the JSON schema of SPDX 2.3.1; CycloneDX is validated in the tests. SLSA has no schema; \`openssl\` checks the signed envelope.
- VMware, VirtualBox, Hyper-V and the clouds are not run in the tests; QEMU and other programs read their formats.`;
