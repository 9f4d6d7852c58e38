/* Scheduling as a program sees it: CPU time of threads and of other processes,
   nice values of threads, who is let run by sched_yield, affinity that others
   set, what exec leaves of robust mutexes. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int stop, started;

static void check(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	fflush(stdout);
	if (!ok)
		exit(1);
}

static double clock_of(clockid_t c)
{
	struct timespec t;
	return clock_gettime(c, &t) ? -1 : t.tv_sec + t.tv_nsec / 1e9;
}

static int self(void) { return syscall(SYS_gettid); }

static void *spin(void *arg)
{
	double *used = arg;
	started = 1;
	while (!stop)
		;
	struct rusage r;
	getrusage(RUSAGE_THREAD, &r);
	used[0] = clock_of(CLOCK_THREAD_CPUTIME_ID);
	used[1] = r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	return 0;
}

/* One thread spins, one sleeps: their times are theirs. A machine that is stopped
   for a while counts that as somebody's: in one of the rounds it is not. */
static void times(void)
{
	pthread_t t;
	double used[2], spun = 0, longest = 0;
	clockid_t c;
	struct timespec nap = {0, 100000000};
	int little = 0, counted = 0;
	pthread_create(&t, 0, spin, used);
	pthread_getcpuclockid(t, &c);
	while (!started)
		sched_yield();
	for (int i = 0; i < 100 && !(little && counted); i++) {
		double mine = clock_of(CLOCK_THREAD_CPUTIME_ID), process = clock_of(CLOCK_PROCESS_CPUTIME_ID);
		double before = clock_of(c);
		nanosleep(&nap, 0);
		spun = clock_of(c) - before;
		mine = clock_of(CLOCK_THREAD_CPUTIME_ID) - mine;
		process = clock_of(CLOCK_PROCESS_CPUTIME_ID) - process;
		little = mine < 0.9 * process;
		counted = before >= 0 && spun > 0;
		if (spun > longest)
			longest = spun;
		if (spun > process * 1.1)
			check("a thread uses no more than its process", 0);
	}
	stop = 1;
	pthread_join(t, 0);
	check("a thread that sleeps uses little", little);
	check("one that spins does", counted);
	check("it sees it itself", used[0] >= longest && used[1] >= longest - 1e-5 && used[1] <= used[0]);

	pid_t p = fork();
	if (p == 0)
		for (;;)
			;
	check("the clock of a child", clock_getcpuclockid(p, &c) == 0);
	while (clock_of(c) < 0.05)
		sched_yield();
	check("goes on while it runs", clock_of(c) >= 0.05);
	kill(p, SIGKILL);
	waitpid(p, 0, 0);
	check("and ends with it", clock_getcpuclockid(p, &c) == ESRCH);
}

static void *nicer(void *arg)
{
	int *nice = arg;
	setpriority(PRIO_PROCESS, self(), 7);
	nice[0] = getpriority(PRIO_PROCESS, 0);
	nice[1] = getpriority(PRIO_PROCESS, getpid());
	pid_t p = fork();
	if (p == 0)
		_exit(getpriority(PRIO_PROCESS, 0));
	int status;
	waitpid(p, &status, 0);
	nice[2] = WEXITSTATUS(status);
	return 0;
}

static void nices(void)
{
	pthread_t t;
	int nice[3];
	setpriority(PRIO_PROCESS, 0, 3);
	pthread_create(&t, 0, nicer, nice);
	pthread_join(t, 0);
	printf("thread %d, first %d, its child %d, afterwards %d\n", nice[0], nice[1], nice[2], getpriority(PRIO_PROCESS, 0));
}

/* Two processes on one CPU that pass a word to and fro by sched_yield: at one
   turn of the scheduler each this one alone would use 1 s for every hundred. In
   one hundred at least the machine is not stopped meanwhile. */
static void yields(void)
{
	volatile int *turn = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long cpu0 = 1;
	syscall(SYS_sched_setaffinity, 0, sizeof cpu0, &cpu0);
	pid_t p = fork();
	double least = 10, before = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0, me = p == 0; i < 1000; i++) {
		while (*turn != me)
			sched_yield();
		*turn = !me;
		if (i % 100 == 99) {
			double now = clock_of(CLOCK_PROCESS_CPUTIME_ID);
			if (now - before < least)
				least = now - before;
			before = now;
		}
	}
	if (p == 0)
		_exit(0);
	waitpid(p, 0, 0);
	check("sched_yield lets other processes run", least < 0.5);
}

static void affinity(void)
{
	int to[2];
	unsigned long mask = 0, cpu0 = 1, all = -1;
	syscall(SYS_sched_setaffinity, 0, sizeof all, &all);
	pipe(to);
	pid_t p = fork();
	if (p == 0) {
		char c;
		read(to[0], &c, 1);
		syscall(SYS_sched_getaffinity, 0, sizeof mask, &mask);
		_exit(mask);
	}
	check("set from outside", syscall(SYS_sched_setaffinity, p, sizeof cpu0, &cpu0) == 0);
	syscall(SYS_sched_getaffinity, p, sizeof mask, &mask);
	check("and seen from there", mask == 1);
	write(to[1], "x", 1);
	int status;
	waitpid(p, &status, 0);
	check("and from inside", WEXITSTATUS(status) == 1);

	/* At every moment of the mask's way to a child that works. */
	if ((p = fork()) == 0)
		for (;;)
			getppid();
	int late = 0;
	for (unsigned i = 0; i < 300; i++) {
		unsigned long set = 1 + i % 2;
		if (syscall(SYS_sched_setaffinity, p, sizeof set, &set) != 0)
			continue; /* there is one CPU only */
		for (volatile unsigned k = 0; k < i * 37 % 3000; k++)
			;
		syscall(SYS_sched_getaffinity, p, sizeof mask, &mask);
		late += mask != set;
	}
	kill(p, SIGKILL);
	waitpid(p, 0, 0);
	check("and always at once", late == 0);
}

static void robust(void)
{
	pthread_mutex_t *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &a);
	pid_t p = fork();
	if (p == 0) {
		pthread_mutex_lock(m);
		execl("/proc/self/exe", "sched", "nothing", (char *)0);
		_exit(9);
	}
	waitpid(p, 0, 0);
	check("exec gives up a robust mutex", pthread_mutex_lock(m) == EOWNERDEAD);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	times();
	nices();
	yields();
	affinity();
	robust();
	return 0;
}
