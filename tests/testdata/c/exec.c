/* exec in a process whose other threads are busy with descriptors: none of them
   notices that those without an heir are closed, and the new program has none that
   it should not have. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int shared[2];

static void fail(const char *what)
{
	printf("FAIL %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void through(int p[2], const char *what)
{
	char c = 1;
	if (write(p[1], &c, 1) != 1 || read(p[0], &c, 1) != 1)
		fail(what);
}

static void *busy(void *arg)
{
	for (;;) {
		int p[2];
		if (pipe2(p, O_CLOEXEC) < 0)
			fail("pipe");
		through(p, "own pipe");
		through(shared, "shared pipe");
		close(p[0]);
		close(p[1]);
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	int open = 0;
	for (int fd = 3; fd < 64; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	if (argc > 1) /* the new program */
		return open != atoi(argv[1]);
	char before[12];
	snprintf(before, sizeof before, "%d", open);
	for (int i = 0; i < 20; i++) {
		pid_t p = fork();
		if (!p) {
			pthread_t t;
			pipe2(shared, O_CLOEXEC);
			for (int k = 0; k < 3; k++)
				pthread_create(&t, NULL, busy, NULL);
			struct timespec ts = {0, 1000000 + i % 7 * 300000};
			nanosleep(&ts, NULL);
			execl("/no/such/file", "none", NULL); /* the threads go on */
			nanosleep(&ts, NULL);
			execl("/proc/self/exe", argv[0], before, NULL);
			fail("exec");
		}
		int status;
		waitpid(p, &status, 0);
		if (status)
			printf("FAIL %d: status %#x\n", i, status);
	}
	puts("end");
	return 0;
}
