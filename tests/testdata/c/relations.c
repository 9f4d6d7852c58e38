/* What processes are to each other: parents that change, death signals, exit
   signals, stops that are not to be told, zombies that are still asked for,
   and who may do what to whom. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 5
#define TELL 9 /* where a program that was executed finds out[1] */

static int in[2], out[2]; /* to the child, from the child */
static const char *self;

static void is(const char *name, long got, long want)
{
	printf("%s %s\n", got == want ? "ok" : "FAIL", name);
	if (got != want)
		printf("  got %ld, want %ld\n", got, want);
	fflush(stdout);
	if (got != want)
		exit(1);
}

/* err is the errno of a call that answered r, 0 if it did not fail. */
static int err(long r) { return r == -1 ? errno : 0; }

static void send(int fd, int v)
{
	if (write(fd, &v, sizeof v) != sizeof v)
		_exit(99);
}

static int receive(int fd)
{
	int v;
	if (read(fd, &v, sizeof v) != sizeof v)
		_exit(98);
	return v;
}

static sigset_t one(int sig)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, sig);
	return s;
}

static void nothing(int sig) { (void)sig; }

static void on(int sig, int flags)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = nothing;
	sa.sa_flags = flags;
	sigaction(sig, &sa, NULL);
}

static pid_t zombie(pid_t c)
{
	siginfo_t si;
	waitid(P_PID, c, &si, WEXITED | WNOWAIT);
	return c;
}

static pid_t running(void)
{
	pid_t c = fork();
	if (c == 0) {
		execl(self, self, "run", NULL);
		_exit(1);
	}
	receive(out[0]);
	return c;
}

/* orphan makes a grandchild whose parent has been waited for, and answers what it says
   its parent is now; *was is what it was. */
static int orphan(pid_t *was)
{
	pid_t c = fork();
	if (c == 0) {
		if (fork() == 0) {
			receive(in[0]);
			send(out[1], getppid());
			_exit(7);
		}
		_exit(0);
	}
	waitpid(c, NULL, 0);
	*was = c;
	send(in[1], 0);
	return receive(out[0]);
}

static void parents(void)
{
	pid_t was;
	int bad = 0, status, v;
	for (int i = 0; i < ROUNDS; i++)
		bad += orphan(&was) == was;
	is("an orphan knows", bad, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < ROUNDS; i++) {
		bad += orphan(&was) != getpid();
		bad += wait(&status) <= 0 || WEXITSTATUS(status) != 7;
	}
	is("a subreaper has it", bad, 0);
	pid_t c = fork();
	if (c == 0) {
		prctl(PR_GET_CHILD_SUBREAPER, &v);
		_exit(v);
	}
	waitpid(c, &status, 0);
	is("its child is none", WEXITSTATUS(status), 0);
	c = fork();
	if (c == 0) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		prctl(PR_SET_PDEATHSIG, SIGUSR2);
		execl(self, self, "kept", NULL);
	}
	waitpid(c, &status, 0);
	is("exec keeps it, and the death signal", WEXITSTATUS(status), SIGUSR2);

	c = fork();
	if (c == 0) {
		if (fork() == 0) {
			sigset_t s = one(SIGUSR1);
			siginfo_t si;
			sigprocmask(SIG_BLOCK, &s, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			send(out[1], 0);
			sigwaitinfo(&s, &si);
			send(out[1], si.si_pid);
			_exit(0);
		}
		receive(out[0]);
		_exit(0);
	}
	waitpid(c, NULL, 0);
	is("the death signal says whose", receive(out[0]) == c, 1);
	wait(NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Stops that SA_NOCLDSTOP keeps quiet do not hide the end. */
static void stops(void)
{
	sigset_t s = one(SIGCHLD);
	siginfo_t si;
	int status;
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int flags = 0; flags <= SA_NOCLDSTOP; flags += SA_NOCLDSTOP) {
		on(SIGCHLD, flags);
		pid_t c = fork();
		if (c == 0) {
			raise(SIGSTOP);
			receive(in[0]); /* or its end would be told together with what was before */
			_exit(3);
		}
		waitpid(c, &status, WUNTRACED);
		is("stopped", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, 1);
		if (flags == 0) {
			sigwaitinfo(&s, &si);
			is("told of the stop", si.si_code, CLD_STOPPED);
		}
		kill(c, SIGCONT);
		if (flags == 0) {
			sigwaitinfo(&s, &si);
			is("told of the continuation", si.si_code, CLD_CONTINUED);
		}
		send(in[1], 0);
		sigwaitinfo(&s, &si);
		is("told of the end", si.si_code, CLD_EXITED);
		is("with its status", si.si_status, 3);
		waitpid(c, &status, 0);
	}
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void zombies(void)
{
	struct rlimit limit;
	cpu_set_t cpus;
	pid_t c = fork();
	if (c == 0)
		_exit(0);
	zombie(c);
	is("a zombie can be given a group", err(setpgid(c, c)), 0);
	is("has it", getpgid(c) == c, 1);
	is("has a session", getsid(c) == getsid(0), 1);
	is("can be signalled", err(kill(c, SIGKILL)), 0);
	is("as a group", err(kill(-c, 0)), 0);
	is("can be given a nice value", err(setpriority(PRIO_PROCESS, c, 5)), 0);
	is("has it", getpriority(PRIO_PROCESS, c), 5);
	is("has a policy", syscall(SYS_sched_getscheduler, c), SCHED_OTHER);
	is("has CPUs", err(sched_getaffinity(c, sizeof cpus, &cpus)), 0);
	is("has limits", err(prlimit(c, RLIMIT_NOFILE, NULL, &limit)), 0);
	waitpid(c, NULL, 0);
	is("until it is waited for", err(kill(c, 0)), ESRCH);
	is("and its group", err(kill(-c, 0)), ESRCH);
	c = running();
	is("a program that runs has the group it has", err(setpgid(c, c)), EACCES);
	kill(c, SIGKILL);
	zombie(c);
	is("as a zombie, too", err(setpgid(c, c)), EACCES);
	waitpid(c, NULL, 0);
}

static void refusals(void)
{
	is("no such group", err(setpgid(0, 0x7fffffff)), EPERM);
	is("negative", err(setpgid(0, -1)), EINVAL);
	is("not a child", err(setpgid(1, 0)), ESRCH);
	is("bad signal to nobody", err(kill(4000000, 99)), ESRCH);
	is("bad signal", err(kill(getppid(), 99)), EINVAL);
	pid_t c = fork();
	if (c == 0) {
		setpgid(0, 0);
		is("a group's leader is no session's", err(setsid()), EPERM);
		pid_t d = fork();
		if (d == 0) {
			setpgid(0, 0);
			send(out[1], 0);
			pause();
		}
		receive(out[0]);
		is("into the child's group", err(setpgid(0, d)), 0);
		is("then it may", setsid() == getpid(), 1);
		is("now it may not move", err(setpgid(0, 0)), EPERM);
		is("nor what stayed behind", err(setpgid(d, d)), EPERM);
		kill(d, SIGKILL);
		wait(NULL);
		_exit(0);
	}
	waitpid(c, NULL, 0);
	if (geteuid() != 0)
		return;
	c = fork();
	if (c == 0) {
		struct rlimit limit;
		pid_t p = getppid();
		if (setuid(1000) == 0 &&
		    (err(kill(p, 0)) != EPERM || err(kill(-1, 0)) != 0 || err(kill(p, SIGCONT)) != 0 ||
		     err(setpriority(PRIO_PROCESS, p, 10)) != EPERM || err(prlimit(p, RLIMIT_NOFILE, NULL, &limit)) != EPERM ||
		     prctl(PR_GET_DUMPABLE) != 0))
			_exit(1);
		_exit(0);
	}
	int status;
	waitpid(c, &status, 0);
	if (status != 0)
		is("another user", status, 0);
}

static void signals(void)
{
	int status;
	sigset_t s = one(SIGUSR1);
	siginfo_t si;
	sigprocmask(SIG_BLOCK, &s, NULL);
	pid_t c = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
	if (c == 0)
		_exit(4);
	sigwaitinfo(&s, &si);
	is("exit signal", si.si_pid == c, 1);
	is("not for wait", err(waitpid(c, &status, 0)), ECHILD);
	is("but for __WCLONE", waitpid(c, &status, __WCLONE) == c, 1);
	c = syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
	if (c == 0) {
		execl(self, self, "run", NULL);
		_exit(1);
	}
	receive(out[0]);
	kill(c, SIGKILL);
	is("exec makes it a child as others", waitpid(c, &status, 0) == c, 1);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void limits(void)
{
	int bad = 0;
	struct rlimit r;
	pid_t c = fork();
	if (c == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			receive(in[0]);
			getrlimit(RLIMIT_CORE, &r);
			send(out[1], r.rlim_cur);
		}
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		prlimit(c, RLIMIT_CORE, NULL, &r);
		r.rlim_cur = i;
		prlimit(c, RLIMIT_CORE, &r, NULL);
		send(in[1], 0);
		bad += receive(out[0]) != i;
	}
	waitpid(c, NULL, 0);
	is("limits from outside", bad, 0);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1 && strcmp(argv[1], "run") == 0) {
		send(TELL, 0);
		for (;;)
			pause();
	}
	if (argc > 1 && strcmp(argv[1], "kept") == 0) {
		int sig = 0, reaper = 0;
		prctl(PR_GET_PDEATHSIG, &sig);
		prctl(PR_GET_CHILD_SUBREAPER, &reaper);
		return reaper ? sig : 1;
	}
	if (pipe(out) != 0 || pipe(in) != 0 || dup2(out[1], TELL) < 0)
		return 1;
	parents();
	stops();
	zombies();
	refusals();
	signals();
	limits();
	return 0;
}
