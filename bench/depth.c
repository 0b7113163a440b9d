// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message costs by how many there are: queued before it (and beside it
 * SysV's), delayed until later, and of several priorities; and the memory of
 * one that is queued. Run with mkscripts/vm --icount.
 *
 * Keys: depth.COUNT.PEER, delay.KIND.COUNT, priority.COUNT, memory.message
 */
#include <stdint.h>
#include <sys/ioctl.h>

#include <linux/mboxfs.h>

#include "bench.h"
#include "peers.h"

#define MANY		1000000L
#define SIZE		16
#define SAMPLE		64
#define LONG_ONES	20000
#define PRIORITIES	16
#define HOUR		3600000000000ULL	/* ns */

static struct packet packet;
static const struct peer *peer;
static struct channel channel = { .size = SIZE, .depth = 2 * MANY };
static unsigned int priorities;
static bool varied;

static void fill(long count)
{
	while (count-- > 0)
		if (peer->send(&channel, &packet))
			err(1, "send");
}

static void pairs(void *arg)
{
	int i;

	for (i = 0; i < SAMPLE; i++)
		if (peer->send(&channel, &packet) ||
		    peer->recv(&channel, &packet))
			err(1, "%s", peer->name);
}

/* Memory of a queued message of 1000 bytes, beyond these. */
static void measure_long(const char *name)
{
	struct channel one = { .size = 1000, .depth = LONG_ONES };
	long long before = bench_memory();
	long i;

	peer = peer_find(name);
	peer->open(&one);
	for (i = 0; i < LONG_ONES; i++)
		if (peer->send(&one, &packet))
			err(1, "%s", peer->name);
	bench_report((double)(bench_memory() - before) / LONG_ONES - 1000,
		     "memory.message1000.%s", name);
	peer->close(&one);
}

/* The depth counts the message that is on its way. */
static void measure_depth(const char *name)
{
	long long before = bench_memory();
	long depth, queued = 0;

	peer = peer_find(name);
	peer->open(&channel);
	for (depth = 1; depth <= MANY; depth *= 10) {
		fill(depth - 1 - queued);
		queued = depth - 1;
		bench_report(bench_cost(pairs, NULL, SAMPLE), "depth.%ld.%s",
			     depth, name);
	}
	bench_report((double)(bench_memory() - before) / MANY - SIZE,
		     "memory.message.%s", name);
	peer->close(&channel);
}

/* The delay of a message: an hour, or anything from there to two. */
static uint64_t delay(void)
{
	static uint64_t x = 88172645463325252ULL;

	if (!varied)
		return HOUR;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return HOUR + x % HOUR;
}

static void send_delayed(long count)
{
	struct mboxfs_msg m = { .data = (uintptr_t)packet.data, .len = SIZE,
				.flags = MBOXFS_DELAY, .timeout_ns = -1 };

	while (count-- > 0) {
		m.delay_ns = delay();
		if (ioctl(channel.out, MBOXFS_IOC_SEND, &m))
			err(1, "delayed send");
	}
}

/* The first ones, then one more beside ever more of them. */
static void measure_delay(const char *kind)
{
	double first[BENCH_ROUNDS];
	long count, pending = 0;
	long long start;
	int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		start = bench_now();
		send_delayed(SAMPLE);
		first[i] = (double)(bench_now() - start) / SAMPLE;
		if (ioctl(channel.out, MBOXFS_IOC_REVOKE) != SAMPLE)
			errx(1, "some are missing");
	}
	bench_report(bench_median(first, BENCH_ROUNDS), "delay.%s.1", kind);
	for (count = 1000; count <= MANY; count *= 10) {
		send_delayed(count - pending);
		pending = count;
		for (i = 0; i < BENCH_ROUNDS; i++) {
			start = bench_now();
			send_delayed(SAMPLE);
			first[i] = (double)(bench_now() - start) / SAMPLE;
		}
		pending += BENCH_ROUNDS * SAMPLE;
		bench_report(bench_median(first, BENCH_ROUNDS), "delay.%s.%ld",
			     kind, count);
	}
	if (ioctl(channel.out, MBOXFS_IOC_REVOKE) != pending)
		errx(1, "some are missing");
}

static void prioritized(void *arg)
{
	struct mboxfs_msg m = { .data = (uintptr_t)packet.data,
				.timeout_ns = -1 };
	int i;

	for (i = 0; i < SAMPLE; i++) {
		m.len = SIZE;
		m.flags = 0;
		m.priority = i * 7 % priorities;
		if (ioctl(channel.out, MBOXFS_IOC_SEND, &m))
			err(1, "send");
	}
	for (i = 0; i < SAMPLE; i++) {
		m.len = SIZE;
		m.flags = 0;
		if (ioctl(channel.out, MBOXFS_IOC_RECV, &m))
			err(1, "receive");
	}
}

int main(void)
{
	bench_unbound();
	peers_raise_limits();
	measure_depth("sysv");
	measure_depth("mboxfs");
	measure_long("mboxfs");
	measure_long("sysv");

	peer = peer_find("mboxfs");
	peer->open(&channel);
	measure_delay("constant");
	varied = true;
	measure_delay("varied");
	for (priorities = 1; priorities <= PRIORITIES;
	     priorities *= PRIORITIES)
		bench_report(bench_cost(prioritized, NULL, SAMPLE),
			     "priority.%u", priorities);
	peer->close(&channel);
	return 0;
}
