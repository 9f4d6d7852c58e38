# Files, links, permissions, times, sparse files, unlinked open files.
mkdir -p d/e/f && echo text >d/e/f/g && cat d/e/f/g
ln d/e/f/g hard && ln -s d/e/f/g soft && cat hard soft
stat -c '%n %s %h %a %F' hard soft d/e/f/g
echo more >>hard; wc -c <soft
rm d/e/f/g; cat soft 2>/dev/null || echo dangling
cat hard
chmod 640 hard; stat -c %a hard
chmod u+x,o=r hard; ls -l hard | cut -c1-10
umask 077; echo x >private; stat -c %a private; umask 022
TZ=UTC touch -d '2001-02-03 04:05:06' old; stat -c %Y old
[ hard -nt old ] && echo newer
dd if=/dev/zero of=sparse bs=1 count=1 seek=1000000 2>/dev/null; stat -c %s sparse
md5sum <sparse | cut -d' ' -f1
truncate -s 10 sparse; wc -c <sparse
exec 5>unlinked; rm unlinked; echo still >&5; ls unlinked 2>/dev/null; exec 5>&-
mv hard d/moved && cat d/moved
mkdir n && touch n/x && rmdir n 2>/dev/null || echo "not empty"
rm -r n && ls -d n 2>/dev/null || echo removed
cp -r d copy && find copy | sort
cp -a soft soft2 && readlink soft2
ln -s loop loop; cat loop 2>/dev/null || echo loop
find . -type f | sort | xargs wc -c | tail -n 1 | awk '{print $1}'
tar cf t.tar d && mkdir x && tar xf t.tar -C x && find x | sort
gzip -c t.tar | gunzip | cmp - t.tar && echo same
sed -i s/more/MORE/ d/moved; cat d/moved
i=0; while [ $i -lt 200 ]; do : >many.$i; i=$((i + 1)); done; ls many.* | wc -l; rm many.*
cd d/../d/./e && pwd | sed 's,.*/d/,d/,'
cd /; ls -d /proc/self/fd >/dev/null && echo proc
test -c /dev/null && test -c /dev/zero && echo devices
head -c 4 /dev/zero | od -An -tx1
head -c 8 /dev/urandom | wc -c
