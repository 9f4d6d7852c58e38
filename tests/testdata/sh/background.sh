# Background jobs, wait for one and for all, many at once.
mkfifo a b c
(sleep 0.2; read x <a; echo second) &
echo first
echo >a
wait
echo third
for i in 1 2 3 4 5; do (exit $i) & eval p$i=$!; done
for i in 5 3 1 2 4; do eval wait \$p$i; echo "job $i: $?"; done
n=0
while [ $n -lt 30 ]; do (echo job $n >job.$n) & n=$((n + 1)); done
wait
cat job.* | sort -k2n | tail -n 2
ls job.* | wc -l
rm job.*
(sleep 0.1; echo a; echo >b; read x <c; sleep 0.1; echo c) & (read x <b; sleep 0.1; echo b; echo >c); wait
sh -c '(sleep 0.2; echo orphan >orphan) & exit 0'
until [ -s orphan ]; do sleep 0.1; done
cat orphan
timeout 1 sleep 600; echo "timeout $?"
