/* Corners of calls in which Linux does something although, or says something
   before, others would refuse: found by giving both systems the same random
   calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, long r)
{
	printf("%s: %ld%s%s\n", what, r, r < 0 ? ", " : "", r < 0 ? strerror(errno) : "");
}

static void sockets(void)
{
	int s[2];
	char b[8] = "abcdefg";
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s);
	say("an empty datagram", write(s[0], b, 0));
	say("arrives", read(s[1], b, 8));
	say("once", read(s[1], b, 8));
	say("a vector of nothing", writev(s[0], 0, 0));
	say("sends nothing", read(s[1], b, 8));
	shutdown(s[0], SHUT_WR);
	close(s[1]);
	say("its own end first", send(s[0], b, 1, MSG_NOSIGNAL));
	close(s[0]);

	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, s);
	write(s[0], b, 3);
	write(s[1], b, 3);
	close(s[1]);
	say("what the peer left unread is told first", read(s[0], b, 8));
	say("then what it wrote", read(s[0], b, 8));
	close(s[0]);

	s[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	say("shutdown unconnected", shutdown(s[0], SHUT_RDWR));
	int v;
	socklen_t n = sizeof v;
	say("no such option", getsockopt(s[0], SOL_SOCKET, 999, &v, &n));
	say("nor to set", setsockopt(s[0], SOL_SOCKET, 999, &v, sizeof v));
	close(s[0]);
}

static void memory(void)
{
	char *p = mmap(0, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int to[2];
	pipe(to);
	munmap(p + 2 * 4096, 4096);
	say("mprotect over a hole", mprotect(p, 5 * 4096, PROT_NONE));
	say("what is before it is changed", write(to[1], p + 4096, 1));
	say("what is behind it is not", write(to[1], p + 3 * 4096, 1));
	say("mmap of no file, whatever else", mmap(p + 1, 0, 9999, MAP_FIXED, 77, 0) == MAP_FAILED ? -1 : 0);
	close(to[0]);
	close(to[1]);
}

static void descriptors(void)
{
	int dir = open(".", O_PATH), e = eventfd(0, EFD_NONBLOCK), ep = epoll_create1(0), to[2];
	pipe2(to, O_NONBLOCK);
	fd_set r, w, x;
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(dir, &r);
	FD_SET(dir, &w);
	FD_SET(dir, &x);
	struct timeval now = {0, 0};
	say("select of a path", select(dir + 1, &r, &w, &x, &now));
	struct epoll_event ev = {EPOLLIN, {0}};
	say("epoll of a path", epoll_ctl(ep, EPOLL_CTL_ADD, dir, &ev));
	say("lseek of an eventfd", lseek(e, 5, SEEK_END));
	say("of a pipe", lseek(to[0], 0, SEEK_CUR));
	say("nothing of an eventfd", readv(e, 0, 0));
	say("a byte of it", read(e, &ev, 1));
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};
	say("a lock before a pipe", fcntl(to[1], F_SETLK, &l));
	l.l_start = 1, l.l_len = -2;
	say("one that begins there", fcntl(to[1], F_OFD_SETLK, &l));
	say("read into nothing of an empty pipe", syscall(SYS_read, to[0], 1L, 8L));
	off_t o = 0;
	say("sendfile from a pipe at", sendfile(99, to[0], &o, 1));
	close(to[0]);
	say("an attribute of a pipe", fsetxattr(to[1], "user.a", "x", 1, 0));
	say("none there", fgetxattr(to[1], "user.a", 0, 0));
}

static void files(void)
{
	int f = open("corner", O_RDWR | O_CREAT | O_TRUNC, 0600), ro = open("corner", O_RDONLY);
	say("fallocate of no file", fallocate(77, 0, -1, 0));
	say("of a negative range", fallocate(ro, 0, -1, 1));
	say("punching that would cut", fallocate(ro, 2, 0, 4096));
	say("read only", fallocate(ro, 16, 0, 4096));
	loff_t a = 0, b = 0;
	say("copy of an empty file to itself", copy_file_range(f, &a, f, &b, 100, 0));
	struct timespec bad[2] = {{0, 2000000000}, {0, 0}}, none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
	say("a wrong time of no file", utimensat(AT_FDCWD, "nowhere", bad, 0));
	say("of a file", utimensat(AT_FDCWD, "corner", bad, 0));
	say("no time of no file", utimensat(AT_FDCWD, "nowhere", none, 1 << 20));
	say("an unnamed file in a file", open("corner", O_TMPFILE | O_RDWR, 0600));
	say("flags of a read that cannot be", syscall(SYS_preadv2, open("corner", O_WRONLY), 0, 0, 0L, 0L, 1 << 20));
	unlink("corner");
}

int main(void)
{
	sockets();
	memory();
	descriptors();
	files();
	return 0;
}
