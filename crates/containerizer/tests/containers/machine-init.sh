#!/bin/busybox sh
# The first process of the virtual machine.
/bin/busybox --install -s /bin
export PATH=/bin TEPUI_CONTAINERS=50
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs tmp /tmp
mount -t cgroup2 none /sys/fs/cgroup
/tests linux:: --test-threads=1 2>&1
echo "THE TESTS ENDED WITH $?"
poweroff -f
