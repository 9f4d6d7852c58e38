# Command substitution, quoting, arithmetic, parameter expansion, functions.
a=$(echo inner $(echo deeper `echo deepest`))
echo "$a"
n=$(seq 1 3000 | wc -l); echo "$n"
big=$(seq 1 5000); echo ${#big}
x=path/to/file.tar.gz
echo ${x##*/} ${x%.*} ${x%%.*} ${x#*/} ${#x}
echo ${unset:-default} ${unset=assigned} $unset
f() { local v=$1; echo "f($v) $#"; return 4; }
f one two; echo "returned $?"
fib() { if [ $1 -lt 2 ]; then echo $1; else echo $(( $(fib $(($1 - 1))) + $(fib $(($1 - 2))) )); fi; }
fib 7
case abc.txt in *.c) echo c;; *.txt) echo text;; esac
for i in a 'b c' "d"; do echo "<$i>"; done
set -- p q r; shift; echo $1 $# "$@"
IFS=:; for p in a:b:c; do echo $p; done; v=a:b:c; for p in $v; do echo $p; done
unset IFS
[ -d . ] && [ ! -e nothing ] && [ 3 -gt 2 ] && echo tests
echo $((1 << 10)) $((0x1f)) $((7 % 3)) $((5 > 3))
eval 'echo evaluated $((2 + 2))'
printf '%05d|%-5s|%x\n' 42 ab 255
