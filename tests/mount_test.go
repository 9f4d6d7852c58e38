package tests

import (
	"testing"

	"go42/qemu"
)

// Mounts and chroot need root, which the host's Linux may refuse: what Linux
// answers stands here.
func TestMounts(t *testing.T) {
	t.Parallel()
	const script = `
mkdir /tmp/w; cd /tmp/w; mkdir m d j j/m; echo x > d/x
echo 'in use'
mount -t tmpfs none m; cd m; umount /tmp/w/m; cd ..; umount m; echo $?
mount -t tmpfs none m; sleep 600 > m/f & until [ -e m/f ]; do sleep 0.05; done; umount m; kill %1; wait; umount m; echo $?
mount -t tmpfs none m; mkdir m/n; mount -t tmpfs none m/n; umount m; umount m/n; umount m; echo $?
echo 'flags'
mount -t tmpfs -o ro none m; echo a > m/a; umount m
mount -t tmpfs -o noexec none m; cp /bin/busybox m/; m/busybox true; printf '#!/bin/busybox sh\necho no\n' > m/s; chmod 755 m/s; m/s; umount m
mount -t tmpfs -o nodev none m; mknod m/n c 1 3; echo x > m/n; umount m
mount -t tmpfs none m; echo 1 > m/a; mount -o remount,ro m; echo 2 > m/a; cat m/a; mount -o remount,rw m; echo 3 > m/a; cat m/a
exec 5> m/a; mount -o remount,ro m 2>/dev/null; echo $?; exec 5>&-; mount -o remount,ro m; echo $?; umount m
mount -o remount,ro d; echo $?
echo 'bind'
mount -o bind d m; ls m; umount m; ls m
echo 'chroot'
mkdir j/b; cp /bin/busybox j/b/; ln -s ../../../../tmp/w j/up; mount -t tmpfs none j/m; mkdir j/m/k
chroot j /b/busybox sh -c 'cd ../..; /b/busybox ls; /b/busybox ls up; cd m/k; /b/busybox ls ../../..; cd ../../..; /b/busybox pwd; /b/busybox ls ../b/../../..'
umount j/m; echo $?
`
	const want = `in use
umount: can't unmount /tmp/w/m: Device or resource busy
0
umount: can't unmount /tmp/w/m: Device or resource busy
0
umount: can't unmount /tmp/w/m: Device or resource busy
0
flags
sh: can't create m/a: Read-only file system
sh: m/busybox: Permission denied
sh: m/s: Permission denied
sh: can't create m/n: Permission denied
sh: can't create m/a: Read-only file system
1
3
255
0
mount: can't find d in /proc/mounts
1
bind
x
chroot
b
m
up
ls: up: No such file or directory
b
m
up
/
b
m
up
0
`
	bb := busybox(t)
	o := boot(t, qemu.Config{Args: []string{"/bin/busybox", "sh", "-c", "exec 2>&1\n" + script}, Adds: []qemu.Add{{Host: bb, Guest: "/bin/busybox"}}})
	same(t, o, outcome{stdout: want})
}
