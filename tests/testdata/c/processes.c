/* fork, vfork, posix_spawn, exec, pipes, wait, signals with siginfo,
   alternative stacks, SIGSEGV with address and code, timers, shared memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t got, got_code;
static void *volatile got_addr;
static sigjmp_buf env;
static const char *self;

static void check(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	if (!ok)
		printf("  errno %d\n", errno);
	fflush(stdout);
	if (!ok)
		exit(1);
}

static void note(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	got = sig;
	got_code = si->si_code;
	got_addr = si->si_addr;
}

static void jump(int sig, siginfo_t *si, void *uc)
{
	note(sig, si, uc);
	siglongjmp(env, 1);
}

static void handle(int sig, void (*f)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = f;
	sa.sa_flags = SA_SIGINFO | flags;
	sigaction(sig, &sa, NULL);
}

static int status_of(pid_t pid)
{
	int st;
	return waitpid(pid, &st, 0) == pid ? st : -1;
}

static void forks(void)
{
	volatile int shared = 1;
	int fd[2];
	char buf[64];
	check("pipe", pipe(fd) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		shared = 2;
		close(fd[0]);
		if (write(fd[1], "from the child", 14) != 14)
			_exit(1);
		_exit(shared + 10);
	}
	close(fd[1]);
	check("read from child", read(fd[0], buf, sizeof buf) == 14 && !memcmp(buf, "from the child", 14));
	check("end of file", read(fd[0], buf, sizeof buf) == 0);
	int st = status_of(pid);
	check("fork copies", WIFEXITED(st) && WEXITSTATUS(st) == 12 && shared == 1);
	close(fd[0]);
	if ((pid = vfork()) == 0) {
		shared = 5;
		_exit(6);
	}
	st = status_of(pid);
	check("vfork shares", WEXITSTATUS(st) == 6 && shared == 5);
	int ok = 1;
	for (int i = 0; i < 100; i++) {
		if ((pid = fork()) == 0)
			_exit(i);
		ok &= WEXITSTATUS(status_of(pid)) == i;
	}
	check("a hundred forks", ok);
	check("no child left", wait(NULL) == -1 && errno == ECHILD);
}

static void spawns(void)
{
	pid_t pid;
	char *argv[] = {(char *)self, "child", NULL};
	check("posix_spawn", posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
	check("spawned", WEXITSTATUS(status_of(pid)) == 17);
	argv[1] = NULL;
	check("spawn of nothing", posix_spawn(&pid, "/no/such", NULL, NULL, argv, environ) == ENOENT);
	FILE *f = popen("exit 5", "r");
	check("popen", f && WEXITSTATUS(pclose(f)) == 5);
}

static void signals(void)
{
	handle(SIGUSR1, note, 0);
	check("kill", kill(getpid(), SIGUSR1) == 0 && got == SIGUSR1 && got_code == SI_USER);
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	got = 0;
	raise(SIGUSR1);
	check("blocked", got == 0);
	sigpending(&old);
	check("pending", sigismember(&old, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	check("unblocked", got == SIGUSR1);

	char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	handle(SIGSEGV, jump, 0);
	if (!sigsetjmp(env, 1))
		page[5000] = 1;
	check("write to read-only", got == SIGSEGV && got_addr == page + 5000 && got_code == SEGV_ACCERR);
	munmap(page, 8192);
	if (!sigsetjmp(env, 1))
		got = page[100];
	check("read of unmapped", got == SIGSEGV && got_addr == page + 100 && got_code == SEGV_MAPERR);
	handle(SIGFPE, jump, 0);
	volatile int zero = 0;
	if (!sigsetjmp(env, 1))
		got = 1000 / zero;
	check("division", got == SIGFPE && got_code == FPE_INTDIV);
	handle(SIGILL, jump, 0);
	if (!sigsetjmp(env, 1))
		__asm__ volatile("ud2");
	check("illegal instruction", got == SIGILL && got_code == ILL_ILLOPN);
	handle(SIGTRAP, note, 0);
	__asm__ volatile("int3");
	check("breakpoint", got == SIGTRAP);

	stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
	check("sigaltstack", sigaltstack(&ss, NULL) == 0);
	handle(SIGUSR2, note, SA_ONSTACK);
	raise(SIGUSR2);
	check("on the alternative stack", got == SIGUSR2);

	handle(SIGALRM, note, 0);
	/* Again and again: the first may come before the pause. */
	struct itimerval it = {{0, 30000}, {0, 30000}}, never = {{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &it, NULL);
	int r = pause();
	check("interval timer", r == -1 && errno == EINTR && got == SIGALRM);
	setitimer(ITIMER_REAL, &never, NULL);
	/* That the child goes on may be told while its end is waited for. */
	handle(SIGCHLD, note, SA_RESTART);
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	int st;
	check("stopped", waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	kill(pid, SIGCONT);
	check("continued", waitpid(pid, &st, WCONTINUED) == pid && WIFCONTINUED(st));
	kill(pid, SIGKILL);
	st = status_of(pid);
	check("killed", WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	siginfo_t si;
	struct timespec ts = {1, 0};
	check("sigtimedwait", sigtimedwait(&set, &si, &ts) == SIGUSR1);
}

static void memory(void)
{
	int *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*p = 1;
	pid_t pid = fork();
	if (pid == 0) {
		*p = 42;
		_exit(0);
	}
	status_of(pid);
	check("shared memory", *p == 42);
	size_t len = 16 << 20;
	char *q = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < len; i += 4096)
		q[i] = (char)(i >> 12);
	q = mremap(q, len, 2 * len, MREMAP_MAYMOVE);
	int ok = q != MAP_FAILED;
	for (size_t i = 0; ok && i < len; i += 4096)
		ok = q[i] == (char)(i >> 12);
	check("mremap", ok && q[2 * len - 1] == 0);
	check("munmap of a part", munmap(q + 4096, 4096) == 0 && q[8192] == 2);
	check("mprotect", mprotect(q, 4096, PROT_READ) == 0 && q[0] == 0);
	check("madvise", madvise(q + 8192, 4096, MADV_DONTNEED) == 0 && q[8192] == 0);
	char *b = (char *)syscall(SYS_brk, 0); /* musl's sbrk refuses */
	check("brk", (char *)syscall(SYS_brk, b + (1 << 20)) == b + (1 << 20) && (b[(1 << 20) - 1] = 1));
	FILE *f = tmpfile();
	check("tmpfile", f != NULL);
	char buf[8192];
	memset(buf, 'x', sizeof buf);
	fwrite(buf, 1, sizeof buf, f);
	fflush(f);
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	m[4097] = 'y';
	check("shared file mapping", pread(fileno(f), buf, 1, 4097) == 1 && buf[0] == 'y');
	handle(SIGBUS, jump, 0);
	check("truncate", ftruncate(fileno(f), 4096) == 0);
	if (!sigsetjmp(env, 1))
		got = m[4097];
	check("beyond the end", got == SIGBUS);
}

static void polls(void)
{
	int fd[2];
	check("pipe2", pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0);
	struct pollfd p = {fd[0], POLLIN, 0};
	check("poll empty", poll(&p, 1, 20) == 0);
	char c;
	check("would block", read(fd[0], &c, 1) == -1 && errno == EAGAIN);
	check("write", write(fd[1], "x", 1) == 1);
	check("poll", poll(&p, 1, -1) == 1 && p.revents == POLLIN);
	close(fd[1]);
	check("read", read(fd[0], &c, 1) == 1);
	check("hang-up", poll(&p, 1, -1) == 1 && (p.revents & POLLHUP));
	struct rlimit rl;
	check("getrlimit", getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur >= 256);
	int d = dup2(fd[0], 100);
	check("dup2", d == 100 && fcntl(d, F_GETFD) == 0 && fcntl(fd[0], F_GETFD) == FD_CLOEXEC);
}

static int letgo[2];

static void *vforker(void *arg)
{
	int st;
	pid_t pid = vfork();
	if (pid == 0) {
		char c;
		_exit(read(letgo[0], &c, 1) == 1 ? c : 1);
	}
	*(int *)arg = waitpid(pid, &st, 0) == pid && WIFEXITED(st) ? WEXITSTATUS(st) : -1;
	return NULL;
}

/* While threads wait for their vfork children, another one forks and spawns: what
   those children wait for comes from its child. */
static void beside_vfork(void)
{
	pthread_t t[3];
	int status[3], sum = 0, st;
	check("pipe", pipe(letgo) == 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, vforker, &status[i]);
	usleep(20000);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			char c = 5 + i;
			_exit(write(letgo[1], &c, 1) != 1);
		}
		check("fork beside vfork", waitpid(pid, &st, 0) == pid && st == 0);
		char *args[] = {(char *)self, "child", NULL};
		check("spawn beside vfork", posix_spawn(&pid, self, NULL, NULL, args, environ) == 0 && waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 17);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], NULL);
		sum += status[i];
	}
	check("vfork children", sum == 5 + 6 + 7);
	close(letgo[0]), close(letgo[1]);
}

static int cap(int set, unsigned version, int pid, unsigned *data)
{
	struct {
		unsigned version;
		int pid;
	} h = {version, pid};
	int r = syscall(set ? SYS_capset : SYS_capget, &h, data);
	return h.version == version ? r < 0 ? errno : 0 : -(r < 0 ? errno : 0) - (h.version == 0x20080522);
}

static void capabilities(void)
{
	enum { V3 = 0x20080522 };
	unsigned mine[6], same[6], none[6] = {0};
	check("capget", cap(0, V3, 0, mine) == 0 && cap(0, V3, getpid(), same) == 0 && !memcmp(mine, same, sizeof mine));
	check("capget of a version that is none", cap(0, 1, 0, mine) == -EINVAL - 1 && cap(0, 1, 0, NULL) == -1);
	check("capget of nobody", cap(0, V3, -1, same) == EINVAL && cap(0, V3, 4000000, same) == ESRCH);
	check("capget to nowhere", cap(0, V3, 0, (unsigned *)16) == EFAULT);
	pid_t pid = fork();
	if (pid == 0) {
		setuid(1000);
		int ok = cap(0, V3, 0, same) == 0 && !memcmp(same, none, sizeof none);
		ok = ok && cap(1, V3, 0, none) == 0 && cap(1, V3, getppid(), none) == EPERM;
		none[0] = none[1] = 1;
		_exit(ok && cap(1, V3, 0, none) == EPERM);
	}
	int st;
	check("capset", waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 1);
	check("capset of another", cap(1, V3, 1, mine) == EPERM && cap(1, V3, 0, mine) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 17;
	self = argv[0];
	forks();
	spawns();
	beside_vfork();
	capabilities();
	signals();
	memory();
	polls();
	return 4;
}
