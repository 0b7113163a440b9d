// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that compute in phases, and meet at a barrier after each.
 *
 * Process k wants the sum of the numbers 1 ... k + 1, and has its own number to
 * begin with. In each phase it adds what the one on its left, at a distance of
 * 1, 2, 4 and so on, had after the phase before. So nobody may begin a phase
 * before all have done the last one: that is what the barrier is for.
 *
 *	phases [-n PROCESSES] [FOLDER]
 *
 * FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. Link with
 * -lmboxfs.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmboxfs.h>

#define MOST 1000

/* What all processes share: each phase reads one row, and writes the other. */
static struct shared {
	long	sum[2][MOST];
} *shared;

/* A mailbox of our own; what is used of it is its barrier. */
static int open_barrier(const char *path)
{
	int fd, ret;

	fd = mbox_create(AT_FDCWD, path, O_RDWR | O_EXCL, 0600, NULL, 0, NULL);
	if (fd < 0)
		errx(1, "%s: %s", path, strerror(-fd));
	/* It goes with the last process that has it open, however that ends. */
	ret = mbox_bind(fd);
	if (ret < 0)
		errx(1, "bind %s: %s", path, strerror(-ret));
	return fd;
}

/* Wait until all have come; one of them, the last, says so. */
static void meet(int barrier, int count, int phase)
{
	int last = mbox_barrier_wait(barrier, count, MBOX_FOREVER);

	if (last < 0)
		errx(1, "phase %d: %s", phase, strerror(-last));
	if (last)
		printf("phase %d: all %d have come\n", phase, count);
}

static void compute(int k, int count, int barrier)
{
	const long *old = shared->sum[0];
	long *new = shared->sum[1];
	int phase, distance;

	for (phase = 1, distance = 1; distance < count; phase++) {
		usleep((k * 7 + phase * 5) % 4 * 1000);	/* some are slower */
		new[k] = old[k] + (k >= distance ? old[k - distance] : 0);
		meet(barrier, count, phase);
		old = shared->sum[phase % 2];
		new = shared->sum[(phase + 1) % 2];
		distance *= 2;
	}
	printf("process %d: the sum is %ld\n", k, old[k]);
}

static void start(int k, int count, int barrier, const char *path)
{
	pid_t pid = fork();

	if (pid < 0) {
		unlink(path);	/* ends the waiting of the others */
		err(1, "fork");
	}
	if (pid)
		return;
	compute(k, count, barrier);
	exit(0);
}

/*
 * If one has failed, the others would wait for it for ever. At the barrier of a
 * mailbox without a name nobody waits: ESHUTDOWN.
 */
static int wait_for_all(const char *path)
{
	int status, failed = 0;

	while (wait(&status) > 0) {
		if (status)
			unlink(path);
		failed |= status;
	}
	return failed ? 1 : 0;
}

int main(int argc, char *argv[])
{
	int count = 8, opt, barrier, k;
	const char *folder = "/mnt/mbox";
	char path[4096];

	while ((opt = getopt(argc, argv, "n:")) != -1)
		count = opt == 'n' ? atoi(optarg) : 0;
	if (count < 1 || count > MOST || argc - optind > 1)
		errx(2, "usage: phases [-n PROCESSES] [FOLDER]; at most %d", MOST);
	if (optind < argc)
		folder = argv[optind];
	snprintf(path, sizeof(path), "%s/phases.%d", folder, getpid());
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	for (k = 0; k < count; k++)
		shared->sum[0][k] = k + 1;
	barrier = open_barrier(path);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (k = 0; k < count; k++)
		start(k, count, barrier, path);
	return wait_for_all(path);
}
