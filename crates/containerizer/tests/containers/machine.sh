#!/bin/sh
# Runs the tests of the Linux launcher in a small virtual machine whose cgroups are of version 2:
#   machine.sh KERNEL TESTS LAUNCHER INIT FOLDER
# The machine has busybox, the tests with their libraries, and nothing else. Its console is the output.
set -e
kernel=$1 tests=$2 launcher=$3 init=$4 root=$5/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/etc" "$root$(dirname "$launcher")"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$tests" "$root/tests"
cp "$launcher" "$root$launcher"
for library in $(ldd "$tests" "$launcher" | grep -o '/[^ ]*\.so[^ ]*' | sort -u); do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
cp "$init" "$root/init"
chmod 755 "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$5/initramfs"
exec qemu-system-x86_64 -accel tcg -cpu max -m 1500 -smp 1 -nographic -no-reboot -nic none \
    -kernel "$kernel" -initrd "$5/initramfs" -append "console=ttyS0 quiet panic=-1 rdinit=/init" < /dev/null
