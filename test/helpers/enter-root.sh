#!/bin/sh
# enter-root.sh ROOT FOLDER COMMAND …: runs a command in a folder of ROOT, as process 1 of namespaces of its own (but for the network).
# Run by test/helpers/debian-root.mjs inside `unshare --mount --pid --uts --ipc`.
set -e
root=$1 folder=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
if [ -d /lib/modules ]; then
	mkdir -p lib/modules
	mount --bind /lib/modules lib/modules
fi
mkdir -p mnt/old
pivot_root . mnt/old
cd /
umount -l /mnt/old
rmdir /mnt/old
cd "$folder"
# The shell stays process 1, for it gathers processes whose parent has ended.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt} \
	sh -c '"$@"; exit $?' sh "$@"
