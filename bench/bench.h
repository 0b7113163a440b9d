/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs that measure share. They print one line per figure: a key,
 * a tab, a number. Run with mkscripts/vm --icount, a nanosecond of time is an
 * instruction; without, it is a nanosecond.
 */
#ifndef BENCH_H
#define BENCH_H

#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define BENCH_MOUNT	"/mnt/mbox"
#define BENCH_ROUNDS	15
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static inline long long bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), bench_compare);
	return values[count / 2];
}

/* What @round costs by each of the @count messages it handles, in whole ns. */
static inline long long bench_cost(void (*round)(void *), void *arg, long count)
{
	double cost[BENCH_ROUNDS];
	long long start;
	int i;

	for (i = 0; i < 3; i++)
		round(arg);
	for (i = 0; i < BENCH_ROUNDS; i++) {
		start = bench_now();
		round(arg);
		cost[i] = (double)(bench_now() - start) / count;
	}
	return bench_median(cost, BENCH_ROUNDS) + 0.5;
}

/* One figure: its number and its key. */
__attribute__((format(printf, 2, 3)))
static inline void bench_report(double value, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\t%.10g\n", value);
	fflush(stdout);
}

/* Write to a file below /proc. */
static inline void bench_tune(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		err(1, "%s", path);
	close(fd);
}

/* Set an attribute of a mailbox or group. */
static inline void bench_limit(const char *path, const char *name,
			       const char *value)
{
	char full[64];

	snprintf(full, sizeof(full), "user.mboxfs.%s", name);
	if (setxattr(path, full, value, strlen(value), 0))
		err(1, "%s of %s", name, path);
}

/* Bytes of memory that are in use, however they were allocated. */
static inline long long bench_memory(void)
{
	long long total = 0, available = 0;
	char line[128];
	FILE *f;

	sync();
	bench_tune("/proc/sys/vm/drop_caches", "1");
	f = fopen("/proc/meminfo", "r");
	if (!f)
		err(1, "/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemTotal: %lld", &total) != 1)
			sscanf(line, "MemFree: %lld", &available);
	fclose(f);
	return (total - available) << 10;
}

/* Take all bounds of memory and of inodes away. */
static inline void bench_unbound(void)
{
	if (mount(NULL, BENCH_MOUNT, NULL, MS_REMOUNT, "size=0,nr_inodes=0"))
		err(1, "remount");
}

#endif /* BENCH_H */
