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
sleep 30 &
p=$!
kill $p
wait $p 2>/dev/null; echo "wait $?"
kill -0 $p 2>/dev/null || echo "gone"
trap '' INT
sh -c 'kill -INT $$; echo ignored is inherited'
trap - INT
(trap 'echo subshell exit' EXIT; echo in subshell)
trap 'echo interrupted the wait' USR2
(sleep 0.3; kill -USR2 $$) &
sleep 2 &
long=$!
wait $long; echo "wait status above 128: $(( $? > 128 ))"
kill $long 2>/dev/null
wait
trap 'echo goodbye' EXIT
exit 5
