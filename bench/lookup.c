// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to find, make, remove and list mailboxes by number
 * (naming=id), by how many there are, and the memory of each. Run with
 * mkscripts/vm --icount: a nanosecond is an instruction there.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_NAME "/mnt/mbox/bench-lookup"
#define SAMPLE	1000

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Scattered ids: the k-th of @count, from 1 to 2^40 or so. */
static const char *id(long k, long count)
{
	static char name[32];

	snprintf(name, sizeof(name), "%lld",
		 (k * 1099511627791LL % (1LL << 40)) + 1);
	return name;
}

static void make(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		err(1, "create %s", name);
	close(fd);
}

static long long lookup(long count)
{
	static struct stat st;
	long long start = now();
	long i;

	for (i = 0; i < SAMPLE; i++)
		if (stat(id(i * 7919 % count, count), &st))
			err(1, "stat");
	return (now() - start) / SAMPLE;
}

static long long create(long count, long long *removal)
{
	long long start = now(), made;
	long i;

	for (i = count; i < count + SAMPLE; i++)
		make(id(i, count));
	made = now() - start;
	start = now();
	for (i = count; i < count + SAMPLE; i++)
		if (unlink(id(i, count)))
			err(1, "unlink");
	*removal = (now() - start) / SAMPLE;
	return made / SAMPLE;
}

static long long list(long count)
{
	long long start = now(), last = 0;
	struct dirent *entry;
	DIR *dir = opendir(".");
	long n = 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (atoll(entry->d_name) <= last)
			errx(1, "%s comes after %lld", entry->d_name, last);
		last = atoll(entry->d_name);
		n++;
	}
	closedir(dir);
	if (n != count)
		errx(1, "%ld of %ld listed", n, count);
	return (now() - start) / n;
}

static long long memory(void)
{
	char line[128];
	long long kib = 0, n;
	FILE *f = fopen("/proc/meminfo", "r");

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %lld", &n) == 1)
			kib += n;
	fclose(f);
	return kib << 10;
}

int main(int argc, char *argv[])
{
	static const long counts[] = { 1000, 100000, 1000000 };
	long long before, removal, made;
	unsigned int c;
	long i = 0;

	if (mount(NULL, "/mnt/mbox", NULL, MS_REMOUNT, "nr_inodes=0") ||
	    mkdir(DIR_NAME, 0700) || chdir(DIR_NAME))
		err(1, DIR_NAME);
	system("setfattr -n user.mboxfs.naming -v id .");
	before = memory();
	printf("Instructions for one of so many mailboxes:\n\n"
	       "%10s %10s %10s %10s %10s %14s\n", "mailboxes", "stat", "create",
	       "unlink", "readdir", "bytes of slabs");
	for (c = 0; c < 3; c++) {
		if (argc > 1 && counts[c] > atol(argv[1]))
			break;
		for (; i < counts[c]; i++)
			make(id(i, counts[c]));
		made = create(counts[c], &removal);
		printf("%10ld %10lld %10lld %10lld %10lld %14lld\n", counts[c],
		       lookup(counts[c]), made, removal, list(counts[c]),
		       (memory() - before) / counts[c]);
		fflush(stdout);
	}
	return 0;
}
