// Semaphores, mutexes and condition variables in memory that processes share.
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared {
	sem_t ping, pong;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int turn;
	long count;
};

static void check(int bad, const char *what)
{
	if (bad) {
		perror(what);
		exit(1);
	}
}

int main(void)
{
	struct shared *s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(s == MAP_FAILED, "mmap");
	check(sem_init(&s->ping, 1, 0) || sem_init(&s->pong, 1, 0), "sem_init");
	pthread_mutexattr_t ma;
	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->lock, &ma);
	pthread_condattr_t ca;
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&s->cond, &ca);

	pid_t pid = fork();
	check(pid < 0, "fork");
	for (int i = 0; i < 10; i++) {
		if (pid == 0) {
			sem_wait(&s->ping);
			sem_post(&s->pong);
		} else {
			sem_post(&s->ping);
			sem_wait(&s->pong);
		}
	}
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&s->lock);
		long n = s->count;
		if (i % 50 == 0)
			usleep(2000);
		s->count = n + 1;
		pthread_mutex_unlock(&s->lock);
	}
	for (int i = 0; i < 10; i++) {
		pthread_mutex_lock(&s->lock);
		while (s->turn != (pid == 0))
			pthread_cond_wait(&s->cond, &s->lock);
		s->turn = !s->turn;
		pthread_cond_broadcast(&s->cond);
		pthread_mutex_unlock(&s->lock);
	}
	if (pid == 0)
		_exit(0);
	int status;
	waitpid(pid, &status, 0);

	struct timespec end;
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_nsec += 50 * 1000 * 1000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	int late = sem_timedwait(&s->pong, &end);
	printf("count %ld, child %#x, timed wait %d\n", s->count, status, late);
	return 0;
}
