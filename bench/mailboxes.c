// SPDX-License-Identifier: GPL-2.0-only
/*
 * What it costs to make, find, open, remove and list mailboxes, by how many
 * there are in their group, and the memory of an empty one: where their names
 * are numbers (naming=id) and where they are any. Run with mkscripts/vm
 * --icount --memory 4096.
 *
 * Keys: mailboxes.NAMING.COUNT.WHAT, memory.mailbox.NAMING
 */
#include <dirent.h>
#include <sys/stat.h>

#include "bench.h"

#define SAMPLE	1000

/* Scattered ids: the k-th, from 1 to 2^40 or so. */
static const char *id(long k)
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

static double measure_create(long count)
{
	long long start = bench_now();
	long i;

	for (i = count; i < count + SAMPLE; i++)
		make(id(i));
	return (bench_now() - start) / SAMPLE;
}

static double measure_unlink(long count)
{
	long long start = bench_now();
	long i;

	for (i = count; i < count + SAMPLE; i++)
		if (unlink(id(i)))
			err(1, "unlink");
	return (bench_now() - start) / SAMPLE;
}

static double measure_stat(long count)
{
	long long start = bench_now();
	struct stat st;
	long i;

	for (i = 0; i < SAMPLE; i++)
		if (stat(id(i * 7919 % count), &st))
			err(1, "stat");
	return (bench_now() - start) / SAMPLE;
}

static double measure_open(long count)
{
	long long start = bench_now();
	long i;
	int fd;

	for (i = 0; i < SAMPLE; i++) {
		fd = open(id(i * 7919 % count), O_RDWR);
		if (fd < 0)
			err(1, "open");
		close(fd);
	}
	return (bench_now() - start) / SAMPLE;
}

static double measure_list(long count, bool sorted)
{
	long long start = bench_now(), last = 0;
	struct dirent *entry;
	DIR *dir = opendir(".");
	long n = 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (sorted && atoll(entry->d_name) <= last)
			errx(1, "%s comes after %lld", entry->d_name, last);
		last = atoll(entry->d_name);
		n++;
	}
	closedir(dir);
	if (n != count)
		errx(1, "%ld of %ld listed", n, count);
	return (bench_now() - start) / n;
}

static void measure(const char *naming, long many)
{
	long long before;
	long count, i = 0;

	if (mkdir(naming, 0700) || chdir(naming))
		err(1, "%s", naming);
	bench_limit(".", "naming", naming);
	before = bench_memory();
	for (count = 1000; count <= many; count *= 10) {
		for (; i < count; i++)
			make(id(i));
		if (count == many)
			bench_report((double)(bench_memory() - before) / many,
				     "memory.mailbox.%s", naming);
		bench_report(measure_create(count), "mailboxes.%s.%ld.create",
			     naming, count);
		bench_report(measure_unlink(count), "mailboxes.%s.%ld.unlink",
			     naming, count);
		bench_report(measure_stat(count), "mailboxes.%s.%ld.stat",
			     naming, count);
		bench_report(measure_open(count), "mailboxes.%s.%ld.open",
			     naming, count);
		bench_report(measure_list(count, !strcmp(naming, "id")),
			     "mailboxes.%s.%ld.list", naming, count);
	}
	if (chdir(".."))
		err(1, "..");
}

int main(void)
{
	bench_unbound();
	if (chdir(BENCH_MOUNT))
		err(1, BENCH_MOUNT);
	measure("any", 100000);
	measure("id", 1000000);
	return 0;
}
