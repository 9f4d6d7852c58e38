# Background jobs, wait for one and for all, many at once.
(sleep 0.2; echo second) &
echo first
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
(sleep 0.1; echo a; sleep 2; echo c) & (sleep 1; echo b); wait
sh -c '(sleep 0.2; echo orphan >orphan) & exit 0'
sleep 2
cat orphan
timeout 1 sleep 20; echo "timeout $?"
