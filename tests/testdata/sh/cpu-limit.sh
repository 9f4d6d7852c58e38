# RLIMIT_CPU: the soft limit, the hard one, what survives exec and fork.
exec 2>/dev/null
spin() { while :; do :; done; }
(ulimit -S -t 1; spin); echo soft $?
(ulimit -t 1; trap '' XCPU; spin); echo hard $?
(ulimit -S -t 1; trap 'echo caught; exit 3' XCPU; spin); echo trap $?
(ulimit -S -t 1; exec -a busybox /proc/self/exe sh -c 'while :; do :; done'); echo exec $?
ulimit -S -t 1; ulimit -t
(spin); echo child $?
