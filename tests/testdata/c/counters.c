/* eventfds and timerfds of several processes are one object: over fork, vfork and
   exec, and sent in a message; whoever waits in whichever way hears of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *self;

static void check(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	if (!ok)
		printf("  errno %d\n", errno);
}

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

static int64_t get(int fd)
{
	uint64_t v;
	return read(fd, &v, 8) == 8 ? (int64_t)v : -errno;
}

static int put(int fd, uint64_t v) { return write(fd, &v, 8) == 8 ? 0 : -errno; }

static int in_child(int (*f)(int), int fd)
{
	int status;
	pid_t p = fork();
	if (!p)
		_exit(f(fd));
	waitpid(p, &status, 0);
	return status;
}

static int put5(int fd) { return put(fd, 5) != 0; }
static int get5(int fd) { return get(fd) != 5; }
static int late(int fd) { pause_ms(50); return put(fd, 3) != 0; }

/* How long a wait may take that is to end, in ms: only a hang is longer. */
#define LONG 100000

static int ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	return poll(&p, 1, ms) == 1 && p.revents == POLLIN;
}

/* Takes ones from fd until the pipe is closed and nothing is left. */
static int taken(int fd, int pipe)
{
	struct pollfd p[2] = {{fd, POLLIN, 0}, {pipe, POLLIN, 0}};
	int n = 0;
	do {
		poll(p, 2, -1);
		while (get(fd) == 1)
			n++;
	} while (!p[1].revents);
	return n;
}

static void counter(void)
{
	int fd = eventfd(7, EFD_NONBLOCK);
	check("the child's is the parent's", in_child(put5, fd) == 0 && get(fd) == 12);
	check("empty", get(fd) == -EAGAIN && !ready(fd, 0));
	put(fd, 5);
	check("the child takes", in_child(get5, fd) == 0 && get(fd) == -EAGAIN);
	pid_t p = fork();
	if (!p)
		_exit(late(fd));
	check("poll", ready(fd, LONG) && get(fd) == 3);
	waitpid(p, NULL, 0);
	fcntl(fd, F_SETFL, 0);
	p = fork();
	if (!p)
		_exit(late(fd));
	check("read", get(fd) == 3);
	waitpid(p, NULL, 0);
	put(fd, UINT64_MAX - 1);
	p = fork();
	if (!p) {
		pause_ms(50);
		_exit(get(fd) != (int64_t)(UINT64_MAX - 1));
	}
	check("write", put(fd, 9) == 0 && get(fd) == 9);
	waitpid(p, NULL, 0);
	check("no such value", put(fd, UINT64_MAX) == -EINVAL);
	close(fd);

	fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	pid_t kids[3];
	int end[2];
	pipe(end);
	for (int i = 0; i < 3; i++)
		if (!(kids[i] = fork())) {
			close(end[1]);
			_exit(taken(fd, end[0]));
		}
	for (int i = 0; i < 20; i++)
		put(fd, 3);
	close(end[1]);
	int sum = 0, status;
	for (int i = 0; i < 3; i++) {
		waitpid(kids[i], &status, 0);
		sum += WEXITSTATUS(status);
	}
	check("semaphore", sum == 60);
	close(fd);
}

enum { READ, POLL, EPOLL, EDGE };

struct wait {
	int fd, how, ok;
};

static void *waiter(void *arg)
{
	struct wait *w = arg;
	struct epoll_event e = {EPOLLIN | (w->how == EDGE ? EPOLLET : 0), {0}};
	int ep;
	switch (w->how) {
	case POLL:
		w->ok = ready(w->fd, LONG);
		break;
	case EPOLL:
	case EDGE:
		ep = epoll_create1(0);
		epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &e);
		w->ok = epoll_wait(ep, &e, 1, LONG) == 1;
		close(ep);
		break;
	default:
		w->ok = 1;
	}
	w->ok = w->ok && get(w->fd) == 3;
	return NULL;
}

/* A thread waits for what is this process's alone when another one forks. */
static void waiting(void)
{
	static const char *names[] = {"read", "poll", "epoll", "epoll, edge"};
	for (int how = READ; how <= EDGE; how++) {
		struct wait w = {eventfd(0, 0), how, 0};
		pthread_t t;
		pthread_create(&t, NULL, waiter, &w);
		pause_ms(20);
		in_child(late, w.fd);
		pthread_join(t, NULL);
		printf("%s a thread that waits during the fork: %s\n", w.ok ? "ok" : "FAIL", names[how]);
		close(w.fd);
	}
}

static void arm(int fd, int ms, int every)
{
	struct itimerspec t = {{0, every * 1000000L}, {0, ms * 1000000L}};
	timerfd_settime(fd, 0, &t, NULL);
}

static int get1(int fd) { return get(fd) != 1; }
static int arm20(int fd) { arm(fd, 20, 0); return 0; }

static void clockwork(void)
{
	struct itimerspec t;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	arm(fd, 30, 0);
	pid_t p = fork();
	if (!p)
		_exit(!ready(fd, LONG));
	check("expires for the parent", ready(fd, LONG));
	waitpid(p, NULL, 0);
	check("read by the child", in_child(get1, fd) == 0 && get(fd) == -EAGAIN);
	check("set by the child", in_child(arm20, fd) == 0 && ready(fd, LONG) && get(fd) == 1);
	arm(fd, 10, 10);
	pause_ms(100);
	check("again and again", get(fd) >= 9);
	struct itimerspec far = {{0, 500000000}, {1000, 0}};
	timerfd_settime(fd, 0, &far, NULL);
	check("what is left", timerfd_gettime(fd, &t) == 0 && t.it_interval.tv_nsec == 500000000 && t.it_value.tv_sec >= 900 && t.it_value.tv_sec <= 1000);
	arm(fd, 0, 0);
	check("disarmed", !ready(fd, 50) && timerfd_gettime(fd, &t) == 0 && t.it_value.tv_nsec == 0);
	close(fd);
}

static int send_fds(int to, int *fds, int n)
{
	char c = 0, ctl[CMSG_SPACE(3 * sizeof(int))] = {0};
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	return sendmsg(to, &m, 0) == 1;
}

static int recv_fds(int from, int *fds, int n)
{
	char c, ctl[CMSG_SPACE(3 * sizeof(int))];
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
	if (recvmsg(from, &m, 0) != 1)
		return 0;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), n * sizeof(int));
	return 1;
}

static void messages(void)
{
	int s[2], fds[2], status;
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pid_t p = fork();
	if (!p) {
		if (!recv_fds(s[1], fds, 2))
			_exit(1);
		_exit(get(fds[0]) != 4 || put(fds[0], 6) != 0 || get(fds[1]) != 1);
	}
	int mine[2] = {eventfd(4, 0), timerfd_create(CLOCK_REALTIME, 0)};
	arm(mine[1], 20, 0);
	check("sent", send_fds(s[0], mine, 2));
	waitpid(p, &status, 0);
	check("in another process", status == 0);
	check("back", get(mine[0]) == 6);
	close(mine[0]);
	close(mine[1]);
}

static void execs(void)
{
	int fd = eventfd(0, 0), status;
	char num[12];
	snprintf(num, sizeof num, "%d", fd);
	char *argv[] = {self, num, NULL};
	pid_t p = fork();
	if (!p) {
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	check("a new program", get(fd) == 8);
	waitpid(p, &status, 0);
	close(fd);
	fd = eventfd(0, 0);
	if (!vfork()) {
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	check("a new program after vfork", get(fd) == 8);
	wait(&status);
	check("posix_spawn", posix_spawn(&p, "/proc/self/exe", NULL, NULL, argv, environ) == 0 && get(fd) == 8);
	waitpid(p, &status, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	self = argv[0];
	if (argc > 1)
		return put(atoi(argv[1]), 8) != 0;
	counter();
	waiting();
	clockwork();
	messages();
	execs();
	return 0;
}
