/* POSIX threads: creation, joining, mutexes, condition variables, barriers,
   read-write locks, semaphores, thread-local storage, once, cancellation,
   keys with destructors, many threads in turn. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N 8
#define ROUNDS 5000

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t sem;
static __thread int local = 7;
static long counter, inits, destroyed, order[N], turn;

static void check(const char *name, int ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	fflush(stdout);
	if (!ok)
		exit(1);
}

static void init(void) { inits++; }

static void destroy(void *p)
{
	pthread_mutex_lock(&mu);
	destroyed += (long)(intptr_t)p;
	pthread_mutex_unlock(&mu);
}

static void *count(void *arg)
{
	long id = (long)(intptr_t)arg;
	pthread_once(&once, init);
	pthread_setspecific(key, (void *)(intptr_t)(id + 1));
	local += id;
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mu);
		counter++;
		pthread_mutex_unlock(&mu);
		if (i % 100 == 0) {
			pthread_rwlock_rdlock(&rw);
			pthread_rwlock_unlock(&rw);
		}
	}
	pthread_mutex_lock(&mu);
	while (turn != id)
		pthread_cond_wait(&cv, &mu);
	order[turn++] = id;
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mu);
	sem_post(&sem);
	return (void *)(intptr_t)(local * 10);
}

static void *nothing(void *arg) { return arg; }

static void *forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *timed(void *arg)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 50000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&mu);
	long r = 0;
	while (r == 0)
		r = pthread_cond_timedwait((pthread_cond_t *)arg, &mu, &ts);
	pthread_mutex_unlock(&mu);
	return (void *)(intptr_t)r;
}

int main(void)
{
	pthread_t t[N];
	void *ret;
	int ok;

	pthread_barrier_init(&barrier, NULL, N);
	pthread_key_create(&key, destroy);
	sem_init(&sem, 0, 0);
	for (long i = 0; i < N; i++)
		if (pthread_create(&t[i], NULL, count, (void *)(intptr_t)i))
			check("create", 0);
	for (int i = 0; i < N; i++)
		sem_wait(&sem);
	check("semaphore", 1);
	ok = 1;
	for (long i = 0; i < N; i++) {
		pthread_join(t[i], &ret);
		ok &= (long)(intptr_t)ret == (7 + i) * 10;
	}
	check("join and thread-local storage", ok);
	check("mutex", counter == (long)N * ROUNDS);
	check("once", inits == 1);
	check("key destructors", destroyed == N * (N + 1) / 2);
	ok = 1;
	for (int i = 0; i < N; i++)
		ok &= order[i] == i;
	check("condition variable", ok);
	check("own thread-local storage", local == 7);

	ok = 1;
	for (long i = 0; i < 2000; i++) {
		pthread_create(&t[0], NULL, nothing, (void *)(intptr_t)i);
		pthread_join(t[0], &ret);
		ok &= (long)(intptr_t)ret == i;
	}
	check("two thousand threads", ok);

	pthread_create(&t[0], NULL, forever, NULL);
	usleep(20000);
	check("cancel", pthread_cancel(t[0]) == 0);
	pthread_join(t[0], &ret);
	check("cancelled", ret == PTHREAD_CANCELED);

	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_create(&t[0], NULL, timed, &never);
	pthread_join(t[0], &ret);
	check("timed wait", (long)(intptr_t)ret == ETIMEDOUT);

	pthread_mutexattr_t at;
	pthread_mutex_t rec;
	pthread_mutexattr_init(&at);
	pthread_mutexattr_settype(&at, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&rec, &at);
	check("recursive", !pthread_mutex_lock(&rec) && !pthread_mutex_lock(&rec) && !pthread_mutex_unlock(&rec) && !pthread_mutex_unlock(&rec));
	char *p = malloc(64 << 20);
	memset(p, 1, 64 << 20);
	free(p);
	check("large allocation", p != NULL);
	return 3;
}
