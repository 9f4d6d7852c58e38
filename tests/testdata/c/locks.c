/* Locks whose owner the kernel knows: priority-inheritance futexes, and robust
   mutexes of processes that are killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT, WAKE, CMP_REQUEUE = 4, WAIT_REQUEUE_PI = 11, CMP_REQUEUE_PI = 12, LOCK_PI = 6, UNLOCK_PI, TRYLOCK_PI, LOCK_PI2 = 13, PRIVATE = 128, REALTIME = 256 };

static pthread_mutex_t *m;
static int n, word;

static void check(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	fflush(stdout);
	if (!ok)
		exit(1);
}

static int futex(int *at, int op, void *timeout)
{
	return syscall(SYS_futex, at, op, 0, timeout, 0, 0) < 0 ? errno : 0;
}

static struct timespec in(int ms, clockid_t c)
{
	struct timespec t;
	clock_gettime(c, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *locked(void *arg)
{
	struct timespec t = in(30, CLOCK_REALTIME);
	check("a lock that another thread has", futex(&word, TRYLOCK_PI | PRIVATE, 0) == EAGAIN);
	check("and its time", futex(&word, LOCK_PI | PRIVATE, &t) == ETIMEDOUT);
	t = in(30, CLOCK_MONOTONIC);
	int e = futex(&word, LOCK_PI2 | PRIVATE, &t);
	check("by the other clock", e == ETIMEDOUT);
	check("cannot be unlocked", futex(&word, UNLOCK_PI | PRIVATE, 0) == EPERM);
	return 0;
}

static void raw(void)
{
	pthread_t t;
	int tid = syscall(SYS_gettid);
	check("lock", futex(&word, LOCK_PI | PRIVATE, 0) == 0 && word == tid);
	check("it is mine already", futex(&word, LOCK_PI | PRIVATE, 0) == EDEADLK);
	pthread_create(&t, 0, locked, 0);
	pthread_join(t, 0);
	check("unlock", futex(&word, UNLOCK_PI | PRIVATE, 0) == 0 && (word & 0x3fffffff) == 0);
	word = 4000000;
	check("an owner that is none", futex(&word, LOCK_PI | PRIVATE, 0) == ESRCH);
}

static void *count(void *arg)
{
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(m);
		int x = n;
		if (i % 50 == 0) {
			struct timespec t = {0, 10000};
			nanosleep(&t, 0);
		}
		n = x + 1;
		pthread_mutex_unlock(m);
	}
	return 0;
}

static void *leave(void *arg)
{
	pthread_mutex_lock(m);
	return 0;
}

static void inherit(int shared)
{
	pthread_mutexattr_t a;
	pthread_t t[6];
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutexattr_setpshared(&a, shared);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	check("a mutex that inherits", pthread_mutex_init(m, &a) == 0);
	n = 0;
	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], 0, count, 0);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], 0);
	check("is one at a time", n == 3000);
	pthread_create(&t[0], 0, leave, 0);
	pthread_join(t[0], 0);
	check("and robust", pthread_mutex_lock(m) == EOWNERDEAD);
	pthread_mutex_consistent(m);
	pthread_mutex_unlock(m);
	check("again and again", pthread_mutex_lock(m) == 0 && pthread_mutex_unlock(m) == 0);
}

/* A process is killed that has m: before anybody waits for it, or while. */
#ifdef __GLIBC__ /* musl does not say which lock it waits for */
static void killed(int waiting)
{
	int pipes[2];
	char c;
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	pipe(pipes);
	pid_t p = fork();
	if (p == 0) {
		pthread_mutex_lock(m);
		write(pipes[1], "x", 1);
		for (;;)
			pause();
	}
	read(pipes[0], &c, 1);
	pid_t killer = -1;
	if (waiting && (killer = fork()) == 0) {
		struct timespec t = {0, 50000000};
		nanosleep(&t, 0);
		kill(p, SIGKILL);
		_exit(0);
	}
	if (!waiting) {
		kill(p, SIGKILL);
		waitpid(p, 0, 0);
	}
	check("the owner was killed", pthread_mutex_lock(m) == EOWNERDEAD);
	check("it can be used again", pthread_mutex_consistent(m) == 0 && pthread_mutex_unlock(m) == 0 && pthread_mutex_lock(m) == 0);
	pthread_mutex_unlock(m);
	while (wait(0) > 0)
		;
}
#endif

static int cond, other;

static int cond_wait(int *target, struct timespec *until)
{
	return syscall(SYS_futex, &cond, WAIT_REQUEUE_PI | PRIVATE, 0, until, target, 0) < 0 ? errno : 0;
}

/* cond_send wakes nWake and sends the others to the target: how many; negative: errno. */
static int cond_send(int op, int nWake, int *target)
{
	int r = syscall(SYS_futex, &cond, op | PRIVATE, nWake, (void *)100, target, 0);
	return r < 0 ? -errno : r;
}

/* until it answers something: the others are on their way to sleep. */
static int sent(int op, int nWake, int *target)
{
	int r;
	while ((r = cond_send(op, nWake, target)) == 0)
		usleep(1000);
	return r;
}

static void *waiter(void *arg)
{
	if (arg) {
		if (cond_wait(&word, 0) != 0 || (word & 0x3fffffff) != syscall(SYS_gettid))
			printf("FAIL no lock after the wait\n");
		n++;
		futex(&word, UNLOCK_PI | PRIVATE, 0);
	} else {
		futex(&cond, WAIT | PRIVATE, 0);
	}
	return 0;
}

/* Waiting for a condition whose mutex is a PI futex. */
static void requeue(void)
{
	pthread_t t[3];
	struct timespec u = in(30, CLOCK_MONOTONIC);
	word = n = 0;
	check("a condition's time", cond_wait(&word, &u) == ETIMEDOUT);
	check("itself as lock", cond_wait(&cond, &u) == EINVAL);
	check("nobody waits", cond_send(CMP_REQUEUE_PI, 1, &word) == 0);
	check("two to wake", cond_send(CMP_REQUEUE_PI, 2, &word) == -EINVAL);
	cond = 1;
	check("it has come", cond_wait(&word, 0) == EAGAIN && cond_send(CMP_REQUEUE_PI, 1, &word) == -EAGAIN);
	cond = 0;

	futex(&word, LOCK_PI | PRIVATE, 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], 0, waiter, (void *)1);
	for (int k = 0; k < 3;) {
		int r = sent(CMP_REQUEUE_PI, 1, &word);
		if (r < 0)
			check("sent on", 0);
		k += r;
	}
	usleep(20000);
	check("they have no lock yet", n == 0);
	futex(&word, UNLOCK_PI | PRIVATE, 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	check("each has had it", n == 3 && (word & 0x3fffffff) == 0);

	pthread_create(&t[0], 0, waiter, 0);
	check("not for who waits plainly", sent(CMP_REQUEUE_PI, 1, &word) == -EINVAL && sent(WAKE, 1, 0) == 1);
	pthread_join(t[0], 0);
	pthread_create(&t[0], 0, waiter, (void *)1);
	check("not woken plainly", sent(WAKE, 1, 0) == -EINVAL && sent(CMP_REQUEUE, 0, &other) == -EINVAL);
	check("nor for another lock", sent(CMP_REQUEUE_PI, 1, &other) == -EINVAL && sent(CMP_REQUEUE_PI, 1, &word) == 1);
	pthread_join(t[0], 0);
	check("the free lock", n == 4);
}

int main(void)
{
	m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	raw();
	requeue();
	inherit(PTHREAD_PROCESS_PRIVATE);
	inherit(PTHREAD_PROCESS_SHARED);
#ifdef __GLIBC__
	killed(0);
	killed(1);
#endif
	return 0;
}
