# Pipelines of every length, statuses of their ends, data larger than a pipe.
echo one two three | tr ' ' '\n' | sort -r | head -n 2
seq 1 20000 | wc -l
seq 1 20000 | awk '{ s += $1 } END { print s }'
seq 1 100000 | md5sum
dd if=/dev/zero bs=1000 count=300 2>/dev/null | tr '\0' x | cat | cat | cat | wc -c
yes | head -n 3
true | false; echo "status $?"
false | true; echo "status $?"
(exit 3); echo "status $?"
set -o pipefail
false | true; echo "pipefail $?"
set +o pipefail
i=0
seq 5 | while read n; do i=$((i + n)); echo "sum $i"; done
echo "outside $i"
{ echo out; echo err >&2; } 2>&1 | sort
{ echo gone; } >/dev/null
cat <<END | sed 's/a/A/g'
here document $((6 * 7))
bananas
END
mkfifo f 2>/dev/null || exit 9
(echo through a fifo >f) &
cat f
wait
rm f
