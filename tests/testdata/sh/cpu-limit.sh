# RLIMIT_CPU: the soft limit, the hard one, what survives exec and fork.
exec 2>/dev/null
spin() { while :; do :; done; }
(ulimit -S -t 1; spin); echo soft $?
(ulimit -t 1; trap '' XCPU; spin); echo hard $?
(trap 'echo caught; exit 3' XCPU; ulimit -S -t 1; spin); echo trap $?
(ulimit -S -t 1; exec -a busybox /proc/self/exe sh -c 'while :; do :; done'); echo exec $?
trap '' XCPU # not for this one, should the machine be stopped while it runs
ulimit -S -t 1; ulimit -t
(trap - XCPU; spin); echo child $?
