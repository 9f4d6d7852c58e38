# Signals to the shell and its children, traps, statuses of the killed.
trap 'echo got USR1' USR1
kill -USR1 $$
echo after
trap 'echo got TERM' TERM
(kill -TERM $$)
sleep 0.1
trap - TERM
sh -c 'kill -KILL $$'; echo "killed $?"
sh -c 'kill -SEGV $$' 2>/dev/null; echo "segv $?"
sleep 600 &
p=$!
kill $p
wait $p 2>/dev/null; echo "wait $?"
kill -0 $p 2>/dev/null || echo "gone"
trap '' INT
sh -c 'kill -INT $$; echo ignored is inherited'
trap - INT
(trap 'echo subshell exit' EXIT; echo in subshell)
# Again and again: the first may come before the wait.
trap 'echo interrupted the wait; trap : USR2' USR2
(while sleep 0.3; do kill -USR2 $$; done) &
again=$!
sleep 600 &
long=$!
wait $long; echo "wait status above 128: $(( $? > 128 ))"
trap '' USR2
kill $long $again
wait
trap 'echo goodbye' EXIT
exit 5
