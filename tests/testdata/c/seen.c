/* What others see of a process, at once and at any time: a child that has just
   been made, signals that wait, a stop, what an end has given up, and a program
   that takes the place of another. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 20
#define LEASH  78 /* the last program reads a byte from it and ends */

static char text[8192];

static void none(const char *name, int bad)
{
	printf("%s %s\n", bad ? "FAIL" : "ok", name);
	if (bad)
		printf("  %d times\n", bad);
	fflush(stdout);
	if (bad)
		exit(1);
}

/* look reads a file of process c into text, and answers its length. */
static int look(pid_t c, const char *file)
{
	char path[64];
	int n = 0, k;
	snprintf(path, sizeof path, "/proc/%d/%s", c, file);
	int f = open(path, O_RDONLY);
	if (f < 0)
		return -1;
	while ((k = read(f, text + n, sizeof text - 1 - n)) > 0)
		n += k;
	text[n] = 0;
	close(f);
	return k < 0 ? -1 : n;
}

static int leads(pid_t c, const char *link, const char *to)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", c, link);
	int n = readlink(path, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = 0;
	return strcmp(text, to) == 0;
}

static char state(pid_t c)
{
	char *end;
	if (look(c, "stat") <= 0 || (end = strrchr(text, ')')) == NULL)
		return '?';
	return end[2];
}

static unsigned long long mask(pid_t c, const char *line)
{
	char *at;
	if (look(c, "status") <= 0 || (at = strstr(text, line)) == NULL)
		return -1;
	return strtoull(at + strlen(line), NULL, 16);
}

static void end(pid_t c)
{
	kill(c, SIGKILL);
	waitpid(c, NULL, 0);
}

static void born(void)
{
	int bad = 0;
	for (int i = 0; i < ROUNDS; i++) {
		pid_t c = fork();
		if (c == 0)
			for (;;)
				pause();
		bad += strchr("RSD", state(c)) == NULL;
		bad += look(c, "task") == 0 || look(c, "cmdline") <= 0;
		end(c);
		bad += state(c) != '?';
	}
	none("a child that was just made lives", bad);
}

static void waiting(void)
{
	int tell[2], bad = 0;
	char x;
	if (pipe(tell) != 0)
		exit(1);
	pid_t c = fork();
	if (c == 0) {
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, SIGUSR1);
		sigaddset(&s, SIGUSR2);
		sigprocmask(SIG_BLOCK, &s, NULL);
		raise(SIGUSR2);
		if (write(tell[1], "", 1) == 1)
			for (;;)
				pause();
	}
	if (read(tell[0], &x, 1) != 1)
		exit(1);
	kill(c, SIGUSR1);
	for (int i = 0; i < ROUNDS; i++) {
		bad += mask(c, "\nShdPnd:") != 1ull << (SIGUSR1 - 1);
		bad += mask(c, "\nSigPnd:") != 1ull << (SIGUSR2 - 1);
	}
	end(c);
	none("signals that wait are shown", bad);
}

static void stopped(void)
{
	volatile unsigned long *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int bad = 0, status;
	pid_t c = fork();
	if (c == 0)
		for (;;)
			n[0]++;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long was = n[0];
		while (n[0] == was)
			poll(NULL, 0, 1);
		kill(c, SIGSTOP);
		waitpid(c, &status, WUNTRACED);
		was = n[0];
		bad += state(c) != 'T';
		bad += n[0] != was;
		kill(c, SIGCONT);
		waitpid(c, &status, WCONTINUED);
	}
	end(c);
	none("what has stopped stands still", bad);
}

static void ended(void)
{
	int bad = 0;
	char x, path[64];
	snprintf(path, sizeof path, "/tmp/seen.%d", getpid());
	int f = open(path, O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < ROUNDS; i++) {
		int p[2];
		if (pipe(p) != 0)
			exit(1);
		pid_t c = fork();
		if (c == 0) {
			flock(open(path, O_RDWR), LOCK_EX);
			if (write(p[1], "", 1) == 1 && i % 2)
				pause();
			_exit(0);
		}
		close(p[1]);
		if (read(p[0], &x, 1) != 1)
			exit(1);
		if (i % 2)
			kill(c, SIGKILL);
		waitpid(c, NULL, 0);
		bad += flock(f, LOCK_EX | LOCK_NB) != 0;
		flock(f, LOCK_UN);
		fcntl(p[0], F_SETFL, O_NONBLOCK);
		bad += read(p[0], &x, 1) != 0;
		close(p[0]);
	}
	unlink(path);
	none("an end gives up all before it is told", bad);
}

/* A program executes itself again and again, and stays; it is the one or the other. */
static void replaced(char *self)
{
	int bad = 0, go[2];
	char x;
	if (pipe(go) != 0 || dup2(open("/dev/null", O_RDONLY), 77) < 0)
		exit(1);
	if (dup2(go[0], LEASH) < 0)
		exit(1);
	pid_t c = fork();
	if (c == 0) {
		if (read(go[0], &x, 1) == 1)
			execl(self, self, "12", NULL);
		_exit(1);
	}
	if (write(go[1], "", 1) != 1)
		exit(1);
	for (const char *last = ""; strcmp(last, "1") != 0 && bad < 100;) {
		bad += !leads(c, "cwd", "/tmp") + !leads(c, "exe", self) + !leads(c, "fd/77", "/dev/null");
		last = look(c, "cmdline") > 0 ? text + strlen(text) + 1 : "";
	}
	if (write(go[1], "", 1) != 1) /* now it may end */
		exit(1);
	waitpid(c, &go[0], 0);
	none("it came to its end", go[0]);
	none("one program or the other", bad);
}

int main(int argc, char **argv)
{
	static char self[4096], left[16];
	if (argc > 1) {
		snprintf(left, sizeof left, "%d", atoi(argv[1]) - 1);
		if (strcmp(left, "0") != 0)
			execl(argv[0], argv[0], left, NULL);
		return read(LEASH, left, 1) != 1;
	}
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || chdir("/tmp") != 0)
		return 1;
	born();
	waiting();
	stopped();
	ended();
	replaced(self);
	return 0;
}
