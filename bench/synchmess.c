// SPDX-License-Identifier: GPL-2.0-only
/*
 * The benchmark of SynchMess, a system of groups that are written, read, told
 * to delay, flushed, revoked and slept at: here each group is a mailbox, and
 * the calls are those of its adapter.
 *
 * Producers write to, and consumers read from, 64 groups at random. Then all
 * groups delay, the producers go to sleep at the first group's barrier and are
 * woken together, and write while the consumers' process flushes. At last what
 * is delayed is revoked and the rest read. Prints the mean times.
 *
 *	synchmess [-s SECONDS] [-t THREADS] [FOLDER]
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libmboxfs.h>
#include <synchmess.h>

#define GROUPS	SYNCHMESS_GROUPS
#define MESSAGE	1024
#define DELAY	1000	/* ms */

struct mean {
	atomic_llong	sum;	/* ns */
	atomic_long	count;
};

/* What both processes know. */
static struct shared {
	struct mean	write, read, delayed_write, flush;
	atomic_long	refused, empty, revoked, drained;
	atomic_bool	delayed;
} *shared;

static int fds[GROUPS];
static int seconds = 30, threads = 8;
static const char *folder = "/mnt/mbox";

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void add(struct mean *mean, long long start)
{
	atomic_fetch_add(&mean->sum, now() - start);
	atomic_fetch_add(&mean->count, 1);
}

static long long of(struct mean *mean)
{
	return mean->count ? mean->sum / mean->count : 0;
}

/* A folder with the limits of SynchMess. */
static void make_folder(void)
{
	static const struct mbox_setting settings[] = {
		{ MBOX_MAX_MESSAGE_SIZE, MESSAGE }, { MBOX_MAX_BYTES, 1 << 20 },
		{ MBOX_MAX_MESSAGES, 0 },
		{ MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_FAIL },
		{ MBOX_WHEN_EMPTY, MBOXFS_WHEN_EMPTY_EOF },
		{ MBOX_DELAY_CHANGE, MBOXFS_DELAY_CHANGE_IDLE },
	};
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/synch", folder);
	fd = mbox_create_group(AT_FDCWD, path, 0, 0777, settings,
			       sizeof(settings) / sizeof(*settings), NULL);
	if (fd < 0)
		errx(1, "%s: %s", path, strerror(-fd));
	close(fd);
	setenv("MBOXFS", path, 1);
}

static void install(void)
{
	struct group_t group;
	char path[4096];
	int fd, i;

	make_folder();
	snprintf(path, sizeof(path), "%s/synch/synchmess", folder);
	fd = open(path, O_RDONLY | O_CREAT, 0666);
	if (fd < 0)
		err(1, "%s", path);
	for (i = 0; i < GROUPS; i++) {
		group.descriptor = i + 1;
		if (ioctl(fd, IOCTL_INSTALL_GROUP, &group))
			err(1, "group %d", i + 1);
		fds[i] = open(group.device_path, O_RDWR);
		if (fds[i] < 0)
			err(1, "%s", group.device_path);
	}
	close(fd);
}

static void write_for_a_while(unsigned int *seed, struct mean *mean)
{
	long long end = now() + seconds * 1000000000LL, start;
	static const char message[MESSAGE];

	while ((start = now()) < end) {
		if (write(fds[rand_r(seed) % GROUPS], message,
			  1 + rand_r(seed) % MESSAGE) > 0)
			add(mean, start);
		else if (errno == ENOSPC)
			atomic_fetch_add(&shared->refused, 1);
		else
			err(1, "write");
	}
}

static void *produce(void *arg)
{
	unsigned int seed = (long)arg;

	write_for_a_while(&seed, &shared->write);
	while (!shared->delayed)
		usleep(1000);
	if (ioctl(fds[0], IOCTL_SLEEP))
		err(1, "sleep");
	write_for_a_while(&seed, &shared->delayed_write);
	return NULL;
}

static void *consume(void *arg)
{
	long long end = now() + seconds * 1000000000LL, start;
	unsigned int seed = (long)arg + 1000;
	char message[MESSAGE];
	ssize_t n;

	while ((start = now()) < end) {
		n = read(fds[rand_r(&seed) % GROUPS], message, MESSAGE);
		if (n < 0)
			err(1, "read");
		if (n)
			add(&shared->read, start);
		else
			atomic_fetch_add(&shared->empty, 1);
	}
	return NULL;
}

static void run(void *(*what)(void *))
{
	pthread_t thread[threads];
	long i;

	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, what, (void *)i))
			errx(1, "cannot make a thread");
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
}

/* Delay all groups; delay_change=idle: nothing is delayed yet. */
static void delay(void)
{
	unsigned int ms = DELAY;
	int i;

	for (i = 0; i < GROUPS; i++)
		if (ioctl(fds[i], IOCTL_SET_SEND_DELAY, &ms))
			err(1, "delay");
	shared->delayed = true;
}

static void wake_producers(void)
{
	int woken = 0, n;

	while (woken < threads) {
		n = ioctl(fds[0], IOCTL_AWAKE);
		if (n < 0)
			err(1, "awake");
		woken += n;
		usleep(1000);
	}
}

static void flush_for_a_while(void)
{
	long long end = now() + seconds * 1000000000LL, start;
	unsigned int seed = 4711;

	while ((start = now()) < end) {
		if (fsync(fds[rand_r(&seed) % GROUPS]))
			err(1, "fsync");
		add(&shared->flush, start);
	}
}

static void revoke_and_drain(void)
{
	char message[MESSAGE];
	int i, n;

	for (i = 0; i < GROUPS; i++) {
		n = mbox_revoke(fds[i]); /* counts */
		if (n < 0)
			errx(1, "revoke: %s", strerror(-n));
		shared->revoked += n;
		while (read(fds[i], message, MESSAGE) > 0)
			shared->drained++;
	}
}

/* All that was written has been read, revoked, or drained. */
static int report(void)
{
	long sent = shared->write.count + shared->delayed_write.count;
	long gone = shared->read.count + shared->revoked + shared->drained;

	printf("%-32s %12s %10s\n", "", "times", "mean ns");
	printf("%-32s %12ld %10lld\n", "write", shared->write.count,
	       of(&shared->write));
	printf("%-32s %12ld %10lld\n", "read", shared->read.count,
	       of(&shared->read));
	printf("%-32s %12ld %10lld\n", "delayed write",
	       shared->delayed_write.count, of(&shared->delayed_write));
	printf("%-32s %12ld %10lld\n", "flush, while that is written",
	       shared->flush.count, of(&shared->flush));
	printf("%-32s %12ld\n%-32s %12ld\n%-32s %12ld\n%-32s %12ld\n",
	       "found full", shared->refused, "found empty", shared->empty,
	       "revoked at the end", shared->revoked, "drained at the end",
	       shared->drained);
	if (sent == gone)
		return 0;
	printf("%ld written, but %ld accounted for\n", sent, gone);
	return 1;
}

int main(int argc, char *argv[])
{
	int opt, status;
	pid_t pid;

	while ((opt = getopt(argc, argv, "s:t:")) != -1) {
		if (opt == 's')
			seconds = atoi(optarg);
		else if (opt == 't')
			threads = atoi(optarg);
		else
			errx(2, "usage: synchmess [-s SECONDS] [-t THREADS] "
				"[FOLDER]");
	}
	if (seconds < 1 || threads < 1)
		errx(2, "at least one second and one thread");
	if (optind < argc)
		folder = argv[optind];
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	install();
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		run(produce);
		exit(0);
	}
	run(consume);
	delay();
	wake_producers();
	flush_for_a_while();
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "the producers have failed");
	revoke_and_drain();
	return report();
}
