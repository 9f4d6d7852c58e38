# A signal that comes while a child is made, or executes its program, ends it.
i=0
while [ $i -lt 150 ]; do
	sleep 600 &
	kill $!
	wait $! 2>/dev/null
	s=$?
	[ $s = 143 ] || echo "round $i: $s"
	i=$((i + 1))
done
echo done
