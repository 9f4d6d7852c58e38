# u-root's commands, some forty, each with output that does not depend on the machine.
mkdir -p work/a/b work/c
cd work
echo alpha > one
echo beta >> one
printf 'gamma\nalpha\ndelta\nalpha\n' > two
cat one two
cat one | tr '[:lower:]' '[:upper:]'
sort two
sort -r two | uniq
sort two | uniq -c
wc -l two
wc one
head -n 2 two
tail -n 2 two
grep alpha two
grep -v alpha two
grep -c alpha two
echo 'path:'; basename /x/y/z.txt .txt
dirname /x/y/z.txt
seq 1 2 9
seq 3 | wc -l
cp one a/copy
cmp one a/copy && echo equal
cmp one two > /dev/null 2>&1 || echo different
mv a/copy a/b/moved
ls a
ls a/b
ln one hard
ln -s one soft
readlink soft
cat soft
rm one
cat hard
cat soft 2>/dev/null || echo dangling
touch empty
wc -c empty
chmod 600 hard
ls -l hard | head -c 10
echo
truncate -s 5 hard
wc -c hard
md5sum two
shasum two
shasum -a 256 two
base64 two
base64 two | base64 -d
hexdump two
dd if=two of=dd.out bs=4 count=2 2>/dev/null
cat dd.out
echo
find . | sort
tee t1 t2 < two > /dev/null
comm t1 t2
gzip t1 && gzip -d t1.gz && cmp t1 t2 && echo gzip
tar -c -f t.tar a two
mkdir out
tar -x -f t.tar out
find out | sort
strings t.tar | grep -c alpha
xargs echo < two
printenv GREETING
which cat > /dev/null && echo which
true && echo true
false || echo false
sleep 0.05 && echo slept
timeout -t 200ms sleep 600 || echo timeout
mkfifo pipe && ls pipe
realpath a/b/../b | grep -c work
pwd | grep -c work
date -u > /dev/null && echo date
uname > /dev/null && echo uname
id > /dev/null && echo id
x=$(echo nested $(echo substitution)); echo $x
for i in 1 2 3; do echo loop $i; done
if [ -f two ]; then echo exists; fi
f() { echo "function $1"; return 3; }
f arg || echo returned $?
cat <<END
here document
END
(echo background > bg) &
wait
cat bg
yes | head -n 2
echo $((6 * 7))
rm -r a c out
ls
cd ..
rm -r work
ls
exit 7
