// Edge-triggered epoll: what is a new edge and what is not, of each kind of object;
// one-shot, exclusive and nested items.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	unsigned bit;
	const char *name;
} names[] = {{EPOLLIN, "IN"}, {EPOLLOUT, "OUT"}, {EPOLLERR, "ERR"}, {EPOLLHUP, "HUP"}, {EPOLLRDHUP, "RDHUP"}};

static int watcher(int fd, unsigned events) {
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		printf("add: errno %d\n", errno);
	return ep;
}

// show prints what ep reports: what is to come, or, with wait 0, what is there at once.
static void show_(int ep, const char *what, int wait) {
	struct epoll_event e;
	int n = epoll_wait(ep, &e, 1, wait ? 100000 : 0);
	printf("%s:", what);
	if (n < 0)
		printf(" errno %d", errno);
	for (unsigned i = 0; n > 0 && i < sizeof names / sizeof *names; i++)
		if (e.events & names[i].bit)
			printf(" %s", names[i].name);
	printf("%s\n", n == 0 ? " nothing" : "");
}

static void show(int ep, const char *what) { show_(ep, what, 0); }

static void put(int fd, const char *s) {
	if (write(fd, s, strlen(s)) < 0)
		printf("write: errno %d\n", errno);
}

static void get(int fd, int n) {
	char b[65536];
	if (read(fd, b, n) < 0)
		printf("read: errno %d\n", errno);
}

static void pipes(void) {
	int p[2];
	pipe2(p, O_NONBLOCK);
	int r = watcher(p[0], EPOLLIN | EPOLLET), w = watcher(p[1], EPOLLOUT | EPOLLET);
	show(r, "pipe, empty");
	show(w, "pipe, room");
	show(w, "pipe, room again");
	put(p[1], "abcd");
	show(r, "pipe, written");
	show(r, "pipe, still there");
	put(p[1], "e");
	show(r, "pipe, written again");
	get(p[0], 2);
	show(r, "pipe, some was read");
	get(p[0], 3);
	show(r, "pipe, all was read");
	put(p[1], "f");
	get(p[0], 1);
	show(r, "pipe, come and gone");
	put(p[1], "g");
	get(p[0], 1);
	put(p[1], "h");
	show(r, "pipe, refilled");
	show(w, "pipe, was never full");
	char page[4096] = {0};
	while (write(p[1], page, sizeof page) > 0)
		;
	show(w, "pipe, full");
	get(p[0], 65536);
	show(w, "pipe, room after full");
	show(w, "pipe, no more news");
	// An item that is added to what is ready reports it, and so does one that is changed.
	put(p[1], "x");
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};
	show(r, "pipe, before mod");
	epoll_ctl(r, EPOLL_CTL_MOD, p[0], &e);
	show(r, "pipe, after mod");
	int late = watcher(p[0], EPOLLIN | EPOLLET);
	show(late, "pipe, a second instance");
	put(p[1], "y");
	show(r, "pipe, both hear: first");
	show(late, "pipe, both hear: second");
	// From a child.
	if (fork() == 0) {
		put(p[1], "z");
		_exit(0);
	}
	wait(0);
	show_(r, "pipe, written by a child", 1);
	show(r, "pipe, only once");
	close(p[1]);
	show_(r, "pipe, writer closed", 1);
	show(r, "pipe, closed once");
	close(p[0]), close(r), close(w), close(late);
}

static void oneshots(void) {
	int p[2];
	pipe2(p, O_NONBLOCK);
	int r = watcher(p[0], EPOLLIN | EPOLLET | EPOLLONESHOT);
	put(p[1], "a");
	show(r, "oneshot");
	put(p[1], "b");
	show(r, "oneshot, off");
	struct epoll_event e = {.events = EPOLLIN | EPOLLET | EPOLLONESHOT};
	epoll_ctl(r, EPOLL_CTL_MOD, p[0], &e);
	show(r, "oneshot, on again");
	close(r);
	e.events = EPOLLIN | EPOLLONESHOT | EPOLLEXCLUSIVE;
	r = epoll_create1(0);
	printf("exclusive and oneshot: %d", epoll_ctl(r, EPOLL_CTL_ADD, p[0], &e));
	printf(" errno %d\n", errno);
	e.events = EPOLLIN | EPOLLRDHUP | EPOLLEXCLUSIVE;
	printf("exclusive and rdhup: %d", epoll_ctl(r, EPOLL_CTL_ADD, p[0], &e));
	printf(" errno %d\n", errno);
	e.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE;
	printf("exclusive: %d\n", epoll_ctl(r, EPOLL_CTL_ADD, p[0], &e));
	e.events = EPOLLIN;
	printf("changed: %d", epoll_ctl(r, EPOLL_CTL_MOD, p[0], &e));
	printf(" errno %d\n", errno);
	show(r, "exclusive, ready");
	show(r, "exclusive, known");
	put(p[1], "c");
	show(r, "exclusive, more");
	printf("removed: %d\n", epoll_ctl(r, EPOLL_CTL_DEL, p[0], &e));
	close(p[0]), close(p[1]), close(r);
}

static void nests(void) {
	int p[2], q[2];
	pipe(p), pipe(q);
	int inner = watcher(p[0], EPOLLIN), outer = watcher(inner, EPOLLIN | EPOLLET);
	struct epoll_event e = {.events = EPOLLIN};
	epoll_ctl(inner, EPOLL_CTL_ADD, q[0], &e);
	show(outer, "nested, nothing");
	put(p[1], "a");
	show(outer, "nested");
	show(outer, "nested, known");
	put(p[1], "b");
	show(outer, "nested, more");
	put(q[1], "c");
	show(outer, "nested, another one");
	show(outer, "nested, known again");
	get(p[0], 2), get(q[0], 1);
	show(outer, "nested, read");
	// Edges inside edges: looking from outside takes nothing.
	close(inner);
	inner = watcher(p[0], EPOLLIN | EPOLLET);
	e.events = EPOLLIN;
	epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e);
	put(p[1], "d");
	show(outer, "inner edge, seen from outside");
	show(outer, "inner edge, seen again");
	show(inner, "inner edge");
	show(outer, "inner edge, taken");
	close(p[0]), close(p[1]), close(q[0]), close(q[1]), close(inner), close(outer);
}

static void counters(void) {
	int e = eventfd(0, EFD_NONBLOCK), both = watcher(e, EPOLLIN | EPOLLOUT | EPOLLET), in = watcher(e, EPOLLIN | EPOLLET);
	uint64_t v = 1;
	for (int shared = 0; shared < 2; shared++) {
		show(both, "eventfd, new");
		show(both, "eventfd, known");
		write(e, &v, 8);
		show(both, "eventfd, added");
		show(in, "eventfd, added, in");
		write(e, &v, 8);
		show(both, "eventfd, added more");
		show(in, "eventfd, added more, in");
		show(in, "eventfd, in known");
		get(e, 8);
		show(both, "eventfd, read");
		show(in, "eventfd, read, in");
		// With another process it is another object's.
		if (!shared && fork() == 0) {
			write(e, &v, 8);
			_exit(0);
		}
		if (!shared) {
			wait(0);
			show_(in, "eventfd, added by a child", 1);
			get(e, 8);
			show_(both, "eventfd, all of that", 1);
			close(both);
			both = watcher(e, EPOLLIN | EPOLLOUT | EPOLLET);
		}
	}
	close(e), close(both), close(in);

	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), w = watcher(t, EPOLLIN | EPOLLET);
	struct itimerspec s = {{0, 1000000}, {0, 1000000}};
	show(w, "timerfd, not set");
	timerfd_settime(t, 0, &s, 0);
	show_(w, "timerfd, expired", 1);
	usleep(10000);
	show(w, "timerfd, many times since");
	get(t, 8);
	show_(w, "timerfd, read and expired", 1);
	s.it_interval.tv_nsec = 0;
	timerfd_settime(t, 0, &s, 0);
	show_(w, "timerfd, set anew", 1);
	show(w, "timerfd, known");
	close(t), close(w);
}

static void unixes(int type) {
	int s[2];
	socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s);
	int in = watcher(s[0], EPOLLIN | EPOLLRDHUP | EPOLLET), both = watcher(s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	show(in, "unix, new");
	show(both, "unix, room");
	put(s[1], "abc");
	show(in, "unix, come");
	show(both, "unix, come, with room");
	show(in, "unix, known");
	put(s[1], "d");
	show(in, "unix, more");
	show(both, "unix, more, with room");
	get(s[0], 2);
	show(in, "unix, some was read");
	get(s[0], 100);
	get(s[0], 100);
	show(in, "unix, all was read");
	show(both, "unix, reading is no news");
	put(s[0], "e");
	show(both, "unix, sending is no news");
	get(s[1], 100);
	show(both, "unix, the other side read");
	shutdown(s[1], SHUT_WR);
	show(in, "unix, shut");
	show(both, "unix, shut, with room");
	close(s[1]);
	show_(in, "unix, closed", 1);
	show_(both, "unix, closed, with room", 1);
	show(in, "unix, closed once");
	close(s[0]), close(in), close(both);
}

static void internet(void) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bind(l, (void *)&a, sizeof a);
	listen(l, 8);
	getsockname(l, (void *)&a, &len);
	int wl = watcher(l, EPOLLIN | EPOLLET);
	show(wl, "tcp, nobody");
	int c1 = socket(AF_INET, SOCK_STREAM, 0), c2 = socket(AF_INET, SOCK_STREAM, 0);
	connect(c1, (void *)&a, sizeof a);
	show_(wl, "tcp, one", 1);
	show(wl, "tcp, known");
	connect(c2, (void *)&a, sizeof a);
	show_(wl, "tcp, another", 1);
	int s = accept(l, 0, 0);
	show(wl, "tcp, one accepted");
	int in = watcher(s, EPOLLIN | EPOLLRDHUP | EPOLLET), both = watcher(s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	show(in, "tcp, new");
	show(both, "tcp, room");
	put(c1, "abc");
	show_(in, "tcp, come", 1);
	show_(both, "tcp, come, with room", 1);
	get(s, 1);
	show(in, "tcp, some was read");
	put(c1, "d");
	show_(in, "tcp, more", 1);
	show_(both, "tcp, more, with room", 1);
	get(s, 100);
	show(in, "tcp, all was read");
	put(s, "e");
	get(c1, 1);
	show(both, "tcp, never full");
	shutdown(c1, SHUT_WR);
	show_(in, "tcp, shut", 1);
	show(in, "tcp, shut once");
	close(l), close(c1), close(c2), close(s), close(wl), close(in), close(both);

	int u = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), v = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = 0;
	bind(u, (void *)&a, sizeof a);
	getsockname(u, (void *)&a, &len);
	connect(v, (void *)&a, sizeof a);
	in = watcher(u, EPOLLIN | EPOLLET);
	put(v, "a");
	show_(in, "udp, come", 1);
	put(v, "b");
	show_(in, "udp, more", 1);
	get(u, 100);
	show(in, "udp, one was read");
	get(u, 100);
	show(in, "udp, all was read");
	close(u), close(v), close(in);
}

static void terminals(void) {
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	grantpt(m), unlockpt(m);
	int s = open(ptsname(m), O_RDWR | O_NOCTTY | O_NONBLOCK);
	int wm = watcher(m, EPOLLIN | EPOLLET), ws = watcher(s, EPOLLIN | EPOLLET);
	struct termios t;
	tcgetattr(s, &t);
	t.c_lflag &= ~ECHO;
	tcsetattr(s, TCSANOW, &t);
	show(ws, "pty, nothing");
	put(m, "ab");
	show(ws, "pty, no line yet");
	put(m, "c\n");
	show_(ws, "pty, a line", 1);
	show(ws, "pty, known");
	put(m, "d\n");
	show_(ws, "pty, another", 1);
	get(s, 2);
	show(ws, "pty, some was read");
	put(s, "x");
	show_(wm, "pty, output", 1);
	show(wm, "pty, output known");
	put(s, "y");
	show_(wm, "pty, more output", 1);
	close(s);
	show_(wm, "pty, closed", 1);
	close(m), close(wm), close(ws);
}

static void others(void) {
	sigset_t set;
	sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, 0);
	int s = signalfd(-1, &set, SFD_NONBLOCK), w = watcher(s, EPOLLIN | EPOLLET);
	show(w, "signalfd, nothing");
	raise(SIGUSR1);
	show(w, "signalfd, one");
	show(w, "signalfd, known");
	raise(SIGUSR2);
	show(w, "signalfd, two");
	get(s, 128);
	show(w, "signalfd, one was read");
	get(s, 128);
	show(w, "signalfd, both were read");
	close(s), close(w);

	char dir[] = "/tmp/edgesXXXXXX", file[64];
	mkdtemp(dir);
	int i = inotify_init1(IN_NONBLOCK);
	w = watcher(i, EPOLLIN | EPOLLET);
	inotify_add_watch(i, dir, IN_CREATE | IN_DELETE);
	snprintf(file, sizeof file, "%s/f", dir);
	close(open(file, O_CREAT | O_RDWR, 0600));
	show_(w, "inotify, made", 1);
	show(w, "inotify, known");
	unlink(file);
	show_(w, "inotify, removed", 1);
	get(i, 4096);
	show(w, "inotify, read");
	rmdir(dir);
	close(i), close(w);
}

// Threads that wait on one instance get each edge once.
enum { edges = 200 };
static int shared_ep, shared_fd[2];
static int got;

static void *waiter(void *arg) {
	(void)arg;
	for (;;) {
		struct epoll_event e;
		if (epoll_wait(shared_ep, &e, 1, -1) != 1)
			continue;
		char c;
		while (read(shared_fd[0], &c, 1) == 1) {
			if (c == 'q')
				return 0;
			__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
		}
	}
}

static void threads(void) {
	pthread_t t[4];
	pipe2(shared_fd, O_NONBLOCK);
	shared_ep = watcher(shared_fd[0], EPOLLIN | EPOLLET);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], 0, waiter, 0);
	for (int i = 0; i < edges; i++) {
		put(shared_fd[1], "x");
		while (__atomic_load_n(&got, __ATOMIC_SEQ_CST) <= i)
			sched_yield();
	}
	for (int i = 0; i < 4; i++) {
		put(shared_fd[1], "q");
		// Each ends one: the next is for another.
		int n;
		do
			sched_yield();
		while (ioctl(shared_fd[0], 0x541b, &n) == 0 && n > 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	printf("threads: %d edges\n", got);
}

int main(void) {
	setvbuf(stdout, 0, _IOLBF, 0);
	pipes();
	oneshots();
	nests();
	counters();
	unixes(SOCK_STREAM);
	unixes(SOCK_SEQPACKET);
	internet();
	terminals();
	others();
	threads();
	return 0;
}
