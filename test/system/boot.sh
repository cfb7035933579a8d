#!/bin/sh
# boot.sh ROOT NETNS CGROUP: boots systemd as process 1 of namespaces of its own, on an overlay of ROOT that is gone with it.
# Run by test/system/machine.ts inside `unshare --mount --pid --uts --ipc`; the last step is cgroup's, once this process is in CGROUP.
set -e
root=$1 netns=$2 cgroup=$3
mount --make-rprivate /
echo $$ >"$cgroup/cgroup.procs"
mount -t tmpfs -o mode=0755,size=2g selvage-machine /mnt
cd /mnt
mkdir upper work root
mount -t overlay -o lowerdir="$root",upperdir=/mnt/upper,workdir=/mnt/work overlay root
cd root
mount -t proc proc proc
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=0755 tmpfs dev
for node in null zero full random urandom tty; do
	: >dev/$node
	mount --bind /dev/$node dev/$node
done
mkdir -p dev/pts dev/shm dev/net
if [ -c /dev/net/tun ]; then
	: >dev/net/tun
	mount --bind /dev/net/tun dev/net/tun
fi
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mkdir -p old
exec nsenter --net="$netns" unshare --cgroup sh -c '
	mount -t sysfs sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	pivot_root . old
	cd /
	umount -l old
	exec env -i container=selvage PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=linux /lib/systemd/systemd --log-target=null
'
