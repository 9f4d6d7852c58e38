/* Nice values, policies and CPUs are a thread's: set by itself, by another thread, by
   another process, of a group; seen at once, inherited by threads and children. */
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
#include <unistd.h>

static int self(void) { return syscall(SYS_gettid); }

static int nice_of(int id)
{
	errno = 0;
	int n = getpriority(PRIO_PROCESS, id);
	return errno ? 1000 + errno : n;
}

static int policy_of(int id)
{
	int p = syscall(SYS_sched_getscheduler, id);
	return p < 0 ? 1000 + errno : p;
}

static int set_policy(int id, int policy)
{
	int prio = 0;
	return syscall(SYS_sched_setscheduler, id, policy, &prio) ? errno : 0;
}

static unsigned long cpus_of(int id)
{
	unsigned long m = 0;
	return syscall(SYS_sched_getaffinity, id, sizeof m, &m) < 0 ? 1000 + errno : m;
}

static int set_cpus(int id, unsigned long m) { return syscall(SYS_sched_setaffinity, id, sizeof m, &m) ? errno : 0; }

/* A crowd is a process of three threads, whose ids it shows. */
struct crowd {
	volatile int tid[3], end, asked, told;
	volatile int nice[3], policy[3];
	volatile unsigned long cpus[3];
} *crowd;

/* Where a thread is to run. */
static unsigned long everywhere, one, want[3];

static const char *place(int i, unsigned long m) { return m == want[i] ? "right" : "wrong"; }

static void *member(void *arg)
{
	int i = (long)arg;
	crowd->tid[i] = self();
	while (!crowd->end)
		usleep(1000);
	crowd->nice[i] = nice_of(0);
	crowd->policy[i] = policy_of(0);
	crowd->cpus[i] = cpus_of(0);
	return 0;
}

/* A thread that says what its mask is when it is asked. */
static void *asked(void *arg)
{
	crowd->tid[1] = self();
	for (int n = 1; !crowd->end; n++) {
		while (crowd->asked != n && !crowd->end)
			sched_yield();
		crowd->cpus[1] = cpus_of(0);
		crowd->told = n;
	}
	return 0;
}

static pid_t gather(void)
{
	memset((void *)crowd, 0, sizeof *crowd);
	want[0] = want[1] = want[2] = everywhere;
	pid_t p = fork();
	if (p == 0) {
		pthread_t t[2];
		setpgid(0, 0);
		for (long i = 0; i < 2; i++)
			pthread_create(&t[i], 0, member, (void *)(i + 1));
		member(0);
		for (int i = 0; i < 2; i++)
			pthread_join(t[i], 0);
		_exit(0);
	}
	for (int i = 0; i < 3; i++)
		while (!crowd->tid[i])
			usleep(1000);
	return p;
}

static void show(const char *what)
{
	printf("%s:", what);
	for (int i = 0; i < 3; i++)
		printf(" %d/%d/%s", nice_of(crowd->tid[i]), policy_of(crowd->tid[i]), place(i, cpus_of(crowd->tid[i])));
	printf("\n");
}

static void dismiss(pid_t p)
{
	int status;
	crowd->end = 1;
	waitpid(p, &status, 0);
	printf("themselves:");
	for (int i = 0; i < 3; i++)
		printf(" %d/%d/%s", crowd->nice[i], crowd->policy[i], place(i, crowd->cpus[i]));
	printf(" status %d\n", status);
}

static void outside(void)
{
	pid_t p = gather();
	show("at first");
	printf("%d", setpriority(PRIO_PROCESS, crowd->tid[1], 5));
	printf(" %d", setpriority(PRIO_PROCESS, crowd->tid[0], 2));
	printf(" %d\n", getpriority(PRIO_PGRP, p));
	show("two reniced");
	printf("%d %d\n", set_policy(crowd->tid[2], SCHED_BATCH), set_policy(crowd->tid[1], SCHED_IDLE));
	show("two policies");
	printf("%d\n", set_cpus(crowd->tid[2], want[2] = one));
	show("one bound");
	printf("%d\n", setpriority(PRIO_PGRP, p, 7));
	show("the group");
	printf("%d\n", setpriority(PRIO_PROCESS, crowd->tid[2], 9));
	show("one more");
	dismiss(p);

	p = gather();
	for (int i = 0; i < 100; i++) {
		int id = crowd->tid[i % 3];
		int n = i * 7 % 20;
		setpriority(PRIO_PROCESS, id, n);
		if (nice_of(id) != n)
			printf("set %d, seen %d\n", n, nice_of(id));
		set_policy(id, i & 4 ? SCHED_BATCH : SCHED_OTHER);
		if (policy_of(id) != (i & 4 ? SCHED_BATCH : SCHED_OTHER))
			printf("policy %d\n", policy_of(id));
	}
	show("many times");
	dismiss(p);
	printf("gone: %d %d %d\n", nice_of(crowd->tid[1]), policy_of(crowd->tid[1]), set_cpus(crowd->tid[1], one));
}

/* What is set is seen at once by whom it is set of. */
static void at_once(void)
{
	int wrong = 0;
	memset((void *)crowd, 0, sizeof *crowd);
	pid_t p = fork();
	if (p == 0) {
		pthread_t t;
		pthread_create(&t, 0, asked, 0);
		pthread_join(t, 0);
		_exit(0);
	}
	while (!crowd->tid[1])
		usleep(1000);
	for (int n = 1; n <= 300; n++) {
		set_cpus(crowd->tid[1], want[1] = n & 1 ? one : everywhere);
		crowd->asked = n;
		while (crowd->told != n)
			sched_yield();
		wrong += crowd->cpus[1] != want[1];
	}
	crowd->end = 1;
	waitpid(p, 0, 0);
	printf("asked at once: %d wrong\n", wrong);
}

static void *inner(void *arg)
{
	int *seen = arg;
	seen[0] = nice_of(0), seen[1] = policy_of(0);
	set_policy(0, SCHED_IDLE);
	setpriority(PRIO_PROCESS, 0, 12);
	seen[2] = nice_of(0), seen[3] = policy_of(0);
	seen[4] = nice_of(getpid()), seen[5] = policy_of(getpid());
	setpriority(PRIO_PROCESS, getpid(), 6);
	pid_t p = fork();
	if (p == 0)
		_exit(nice_of(0) * 8 + policy_of(0));
	int status;
	waitpid(p, &status, 0);
	seen[6] = WEXITSTATUS(status);
	return 0;
}

static void inside(void)
{
	pthread_t t;
	int seen[7], status;
	setpriority(PRIO_PROCESS, 0, 4);
	set_policy(0, SCHED_BATCH);
	pthread_create(&t, 0, inner, seen);
	pthread_join(t, 0);
	for (int i = 0; i < 7; i++)
		printf("%d ", seen[i]);
	printf("and %d %d\n", nice_of(0), policy_of(0));
	set_policy(0, SCHED_BATCH | SCHED_RESET_ON_FORK);
	printf("reset: %#x", policy_of(0));
	pthread_create(&t, 0, inner, seen);
	pthread_join(t, 0);
	printf(", a thread %d %d", seen[0], seen[1]);
	fflush(stdout);
	if (fork() == 0)
		_exit(nice_of(0) * 8 + policy_of(0));
	wait(&status);
	printf(", a child %d\n", WEXITSTATUS(status));
	fflush(stdout);
	if (fork() == 0) {
		execl("/proc/self/exe", "paces", "exec", (char *)0);
		_exit(99);
	}
	wait(&status);
	printf("exec: %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return nice_of(0) * 8 + policy_of(0);
	crowd = mmap(0, sizeof *crowd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	everywhere = cpus_of(0);
	one = everywhere & -everywhere;
	setpriority(PRIO_PROCESS, 0, 0);
	printf("errors: %d %d %d %d\n", set_policy(0, 99), set_policy(-1, 0), set_policy(4000000, 0), nice_of(4000000));
	fflush(stdout);
	outside();
	at_once();
	fflush(stdout);
	inside();
	return 0;
}
