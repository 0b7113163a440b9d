/* SPDX-License-Identifier: GPL-2.0-only */
/* What measure.c asks the module for, by an ioctl of /dev/mboxbench. */
#ifndef MBOXBENCH_H
#define MBOXBENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BENCH_THREADS	64
#define BENCH_SIZE	65536
#define BENCH_WINDOWS	4096

/* How messages are sent and received. */
enum {
	BENCH_FILE,		/* as by write(2) and read(2) */
	BENCH_MQ,		/* as by mq_timedsend(2) and mq_timedreceive(2) */
	BENCH_SYSV,		/* as by msgsnd(2) and msgrcv(2) */
};

/* Where threads run. */
enum {
	BENCH_ANYWHERE,
	BENCH_SIDES,		/* writers on the first processor, readers on the next */
	BENCH_SPREAD,		/* by turns, writers and readers on each */
};

/**
 * struct bench_run - writers and readers at one queue, for a while
 * @kind:	how they send and receive
 * @out:	descriptor, or id of SysV's, that is sent to
 * @in:		the same that is received from
 * @writers:	threads that send
 * @readers:	threads that receive; 0: each writer receives what it has sent
 * @size:	bytes of each message
 * @gap:	ticks of the processor's clock between two calls of a thread
 * @place:	where threads run
 * @prefer:	let the host run nothing else meanwhile; out: whether it does
 * @warm_us:	microseconds before it counts
 * @us:		microseconds that count
 * @reserved:	0
 * @received:	out: messages
 * @ns:		out: while so many nanoseconds
 * @median:	out: messages per second in half of all milliseconds, at least
 * @best:	out: the same of a tenth of them
 * @switches:	out: how often readers have slept
 */
struct bench_run {
	__u32	kind;
	__s32	out;
	__s32	in;
	__u32	writers;
	__u32	readers;
	__u32	size;
	__u32	gap;
	__u32	place;
	__u32	prefer;
	__u32	warm_us;
	__u32	us;
	__u32	reserved;
	__u64	received;
	__u64	ns;
	__u64	median;
	__u64	best;
	__u64	switches;
};

#define BENCH_RUN	_IOWR('b', 1, struct bench_run)

#endif /* MBOXBENCH_H */
