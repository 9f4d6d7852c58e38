// The machine's CPUs as /sys and sysconf tell of them: what must agree, whatever
// their number.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CPU "/sys/devices/system/cpu"

static const char *text(const char *path) {
	static char buf[4][4096];
	static int turn;
	char *b = buf[turn++ % 4];
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		printf("%s: errno %d\n", path, errno);
		return "";
	}
	ssize_t n = read(fd, b, sizeof buf[0] - 1);
	close(fd);
	b[n < 0 ? 0 : n] = 0;
	return b;
}

// count is how many CPUs a list as 0-2,5 names; has tells whether n is among them.
static int count(const char *s, int n, int *has) {
	int sum = 0;
	while (isdigit(*s)) {
		int lo = strtol(s, (char **)&s, 10), hi = lo;
		if (*s == '-')
			hi = strtol(s + 1, (char **)&s, 10);
		sum += hi - lo + 1;
		if (has && n >= lo && n <= hi)
			*has = 1;
		if (*s == ',')
			s++;
	}
	return sum;
}

int main(void) {
	int online = count(text(CPU "/online"), 0, 0), present = count(text(CPU "/present"), 0, 0), possible = count(text(CPU "/possible"), 0, 0);
	printf("online %d, present %d, possible %d\n", online >= 1, present >= online, possible >= present);
	printf("kernel_max %d\n", atoi(text(CPU "/kernel_max")) + 1 >= possible);
	long conf = sysconf(_SC_NPROCESSORS_CONF), onln = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;
	sched_getaffinity(0, sizeof set, &set);
	printf("sysconf %d %d %d\n", onln >= 1 && onln <= online, conf >= onln && conf <= possible, CPU_COUNT(&set) <= online);

	int dirs = 0;
	DIR *d = opendir(CPU);
	for (struct dirent *e; d && (e = readdir(d));)
		if (!strncmp(e->d_name, "cpu", 3) && isdigit(e->d_name[3]))
			dirs++;
	printf("directories %d\n", dirs == present);

	for (int n = 0; n < CPU_SETSIZE; n++) {
		if (!CPU_ISSET(n, &set))
			continue;
		const char *files[] = {"thread_siblings_list", "core_siblings_list", "core_cpus_list", "package_cpus_list"};
		for (int i = 0; i < 4; i++) {
			char path[128];
			int self = 0;
			snprintf(path, sizeof path, CPU "/cpu%d/topology/%s", n, files[i]);
			int k = count(text(path), n, &self);
			if (!self || k < 1 || k > online)
				printf("%s: %d CPUs, itself %d\n", path, k, self);
		}
	}
	struct stat st;
	struct statfs fs;
	int e = stat(CPU "/online", &st);
	printf("stat %d %o %ld\n", e, st.st_mode, (long)st.st_size);
	e = statfs(CPU, &fs);
	printf("statfs %d %lx\n", e, (long)fs.f_type);
	return 0;
}
