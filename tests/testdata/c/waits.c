/* Waits that a signal, a timeout or the process's end cuts short: sigtimedwait of
   signals from another process, futexes under SA_RESTART, a signal whose thread
   blocks it before it gets it, and a process that ends while its threads are
   joined. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAIT_BITSET_PRIVATE = 137 };

static volatile int hits;

static void handler(int sig) { hits++; }

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Returns when the first thread of a process sleeps. */
static void until_asleep(pid_t pid)
{
	char name[40], b[512];
	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	for (;;) {
		int fd = open(name, O_RDONLY);
		ssize_t n = read(fd, b, sizeof b - 1);
		close(fd);
		b[n > 0 ? n : 0] = 0;
		char *state = strrchr(b, ')');
		if (state && state[2] == 'S')
			return;
		pause_ms(1);
	}
}

/* A child sends sent while this thread is in sigtimedwait for sig. */
static void wait_for(const char *name, int sig, void (*action)(int), int how, int sent, int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	siginfo_t info = {0};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
	signal(sig, action);
	hits = 0;
	pid_t parent = getpid(), child = fork();
	if (!child) {
		until_asleep(parent);
		if (sent)
			kill(parent, sent);
		_exit(0);
	}
	/* The call itself: musl's function waits anew when it is interrupted. */
	int r = syscall(SYS_rt_sigtimedwait, &set, &info, &t, 8), e = errno;
	waitpid(child, NULL, 0);
	printf("%s: %d errno %d sender %d handled %d\n", name, r, r < 0 ? e : 0, r > 0 && info.si_pid == child, hits);
	t.tv_sec = t.tv_nsec = 0;
	while (sigtimedwait(&set, NULL, &t) > 0)
		;
	signal(sig, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void *interrupt(void *thread)
{
	until_asleep(getpid());
	pthread_kill((pthread_t)thread, SIGUSR1);
	return NULL;
}

static void futex(const char *name, int op)
{
	static int word;
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct timespec t = {100, 0};
	pthread_t other;
	sigaction(SIGUSR1, &sa, NULL);
	hits = 0;
	pthread_create(&other, NULL, interrupt, (void *)pthread_self());
	if (op == FUTEX_WAIT_BITSET_PRIVATE) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_sec += 100;
	}
	long r = syscall(SYS_futex, &word, op, 0, &t, NULL, -1);
	printf("%s: %ld errno %d handled %d\n", name, r, errno, hits);
	pthread_join(other, NULL);
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
}

static void *ender(void *arg)
{
	pause_ms(5);
	exit(7);
}

/* The thread that calls exit is joined: nobody sees it end. */
static int ends_joined(void)
{
	pid_t p = fork();
	if (!p) {
		pthread_t a, b;
		pthread_create(&a, NULL, sleeper, NULL);
		pthread_create(&b, NULL, ender, NULL);
		pthread_join(b, NULL);
		_exit(3);
	}
	int status;
	waitpid(p, &status, 0);
	return status == 7 << 8;
}

static void *fickle(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	for (int i = 0; i < 20000; i++) {
		pthread_sigmask(SIG_BLOCK, &all, NULL);
		if (i % 64 == 0)
			sched_yield();
		pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	}
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	return sleeper(arg);
}

/* Whichever thread was to take the signal: one does, and soon. */
static int taken(int ms)
{
	int ready[2], status;
	char c = 0;
	pipe(ready);
	pid_t p = fork();
	if (!p) {
		pthread_t t;
		hits = 0;
		signal(SIGTERM, handler);
		pthread_create(&t, NULL, fickle, NULL);
		write(ready[1], &c, 1);
		for (int i = 0; i < 1000 && !hits; i++) {
			struct timespec t = {0, 100000000};
			nanosleep(&t, NULL);
		}
		_exit(hits != 1);
	}
	read(ready[0], &c, 1);
	pause_ms(ms);
	kill(p, SIGTERM);
	waitpid(p, &status, 0);
	close(ready[0]);
	close(ready[1]);
	return status == 0;
}

static void *last(void *arg)
{
	pause_ms(20);
	syscall(SYS_exit, 5);
	return NULL;
}

/* A timer expires again and again while its signal is blocked: one signal, and
   the count of the others. */
static void overruns(const char *name, int sig)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	struct itimerspec every = {{0, 10000000}, {0, 10000000}}, never = {{0, 0}, {0, 0}};
	struct timespec none = {0, 0};
	siginfo_t info = {0};
	sigset_t set;
	timer_t timer;
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &every, NULL);
	pause_ms(105);
	int r = sigtimedwait(&set, &info, &none);
	timer_settime(timer, 0, &never, NULL);
	printf("%s: %d counted %d\n", name, r == sig, info.si_overrun >= 8);
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	timer_delete(timer);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	wait_for("handler, not blocked", SIGUSR1, handler, SIG_UNBLOCK, SIGUSR1, 100000);
	wait_for("handler, blocked", SIGUSR1, handler, SIG_BLOCK, SIGUSR1, 100000);
	wait_for("default, blocked", SIGUSR1, SIG_DFL, SIG_BLOCK, SIGUSR1, 100000);
	wait_for("default with core, not blocked", SIGQUIT, SIG_DFL, SIG_UNBLOCK, SIGQUIT, 100000);
	wait_for("another, ignored", SIGUSR1, handler, SIG_UNBLOCK, SIGURG, 200);
	wait_for("end of a child, default, not blocked", SIGCHLD, SIG_DFL, SIG_UNBLOCK, 0, 200);
	wait_for("end of a child, default, blocked", SIGCHLD, SIG_DFL, SIG_BLOCK, 0, 100000);
	signal(SIGUSR2, handler);
	wait_for("another, handled", SIGUSR1, handler, SIG_UNBLOCK, SIGUSR2, 100000);

	int status;
	pid_t p = fork();
	if (!p) {
		wait_for("default, not blocked", SIGUSR1, SIG_DFL, SIG_UNBLOCK, SIGUSR1, 100000);
		_exit(0);
	}
	waitpid(p, &status, 0);
	printf("default, not blocked: status %#x\n", status);

	futex("futex with a timeout", FUTEX_WAIT_PRIVATE);
	futex("futex until a time", FUTEX_WAIT_BITSET_PRIVATE);

	overruns("overruns", SIGALRM);
	overruns("overruns, queued signal", SIGRTMIN);

	for (int i = 0; i < 20; i++)
		if (!ends_joined())
			puts("FAIL: a thread went on while the process ended");
	for (int i = 0; i < 10; i++)
		if (!taken(i))
			puts("FAIL: a signal was lost");

	p = fork();
	if (!p) {
		pthread_t t;
		pthread_create(&t, NULL, last, NULL);
		syscall(SYS_exit, 4);
	}
	waitpid(p, &status, 0);
	printf("status %#x of the last thread\n", status);
	return 0;
}
