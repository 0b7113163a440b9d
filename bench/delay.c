// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one more delayed message costs, by the number that is pending. Run with
 * mkscripts/vm --icount: a nanosecond is an instruction there.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <linux/mboxfs.h>

#define PENDING	1000000
#define SAMPLE	1000

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void set(const char *name, const char *value)
{
	if (setxattr("/mnt/mbox/bench-delay", name, value, 1, 0))
		err(1, "%s", name);
}

/* The delay of a message: an hour, or anything from there to two. */
static uint64_t delay(int varied)
{
	static uint64_t x = 88172645463325252ULL;

	if (!varied)
		return 3600000000000ULL;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return 3600000000000ULL + x % 3600000000000ULL;
}

static long long send(int fd, int count, int varied)
{
	char data[16] = "";
	struct mboxfs_msg m = { .data = (uintptr_t)data, .len = sizeof(data),
				.flags = MBOXFS_DELAY, .timeout_ns = -1 };
	long long start = now();
	int i;

	for (i = 0; i < count; i++) {
		m.delay_ns = delay(varied);
		if (ioctl(fd, MBOXFS_IOC_SEND, &m))
			err(1, "send");
	}
	return (now() - start) / count;
}

int main(void)
{
	int fd = open("/mnt/mbox/bench-delay", O_RDWR | O_CREAT, 0600), varied;
	long long first, last;

	if (fd < 0)
		err(1, "open");
	set("user.mboxfs.max_messages", "0");
	set("user.mboxfs.max_bytes", "0");
	printf("%-10s %10s %10s %8s\n", "delay", "first 1000",
	       "at 1000000", "ratio");
	for (varied = 0; varied < 2; varied++) {
		send(fd, SAMPLE, varied);
		ioctl(fd, MBOXFS_IOC_REVOKE);
		first = send(fd, SAMPLE, varied);
		send(fd, PENDING - SAMPLE, varied);
		last = send(fd, SAMPLE, varied);
		printf("%-10s %10lld %10lld %8.3f\n",
		       varied ? "varied" : "constant", first, last,
		       (double)last / first);
		if (ioctl(fd, MBOXFS_IOC_REVOKE) != PENDING + SAMPLE)
			errx(1, "some are missing");
	}
	return 0;
}
