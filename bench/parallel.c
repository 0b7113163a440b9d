// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes through when several processors work at once, messages per second:
 * W writers and R readers at one queue, beside its peers; the same of mailboxes
 * alone by processes and size (heat); 64 mailboxes of a group with a ceiling
 * and without; and how often blocked readers are woken. Run with mkscripts/vm
 * --smp 2. Times say nothing there but beside others of the same run, so the
 * peers take turns, and the median of the rounds counts.
 *
 * Keys: parallel.WwRr.BYTES.PEER, heat.PROCESSES.BYTES, ceiling.ratio and
 * ceiling.control, each also with .low and .high; switches.READERS.PEER
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bench.h"
#include "peers.h"

#define ROUNDS		7
#define HEAT_ROUNDS	10
#define CEILING_ROUNDS	15
#define WARM_UP		30000		/* us */
#define WHILE		200000		/* us */
#define HEAT_WHILE	1000000		/* us */
#define CEILING_WHILE	1000000		/* us, of many slices */
#define SLICE		5000000		/* ns */
#define DEPTH		1024
#define PROCESSES	128
#define MAILBOXES	64
#define READERS		64
#define MESSAGES	10000

/* What each process has done, in a cache line of its own. */
struct count {
	atomic_long	done;
	atomic_long	others;		/* in the second group */
	char		pad[64 - 2 * sizeof(atomic_long)];
};

static struct count *counts;
static const char *groups[2] = { NULL, BENCH_MOUNT "/no-ceiling" };
static struct packet packet;
static const struct peer *peer;
static struct channel channel;
static pid_t children[PROCESSES];
static int child_count;

static void start(void (*work)(struct count *count))
{
	struct count *count = &counts[child_count];
	pid_t pid;

	count->done = 0;
	count->others = 0;
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work(count);
		err(1, "%s", peer ? peer->name : "mailboxes");
	}
	children[child_count++] = pid;
}

/* One that has ended by itself has failed. */
static void stop_all(void)
{
	int i, status;

	for (i = 0; i < child_count; i++)
		kill(children[i], SIGKILL);
	for (i = 0; i < child_count; i++)
		if (waitpid(children[i], &status, 0) < 0 ||
		    !WIFSIGNALED(status))
			errx(1, "a process has failed");
	child_count = 0;
}

static long all_done(void)
{
	long sum = 0;
	int i;

	for (i = 0; i < child_count; i++)
		sum += counts[i].done;
	return sum;
}

/* How much is done in a second, looked at for so many microseconds. */
static double rate(unsigned int us)
{
	long long begin, end;
	long before, after;

	usleep(WARM_UP);
	begin = bench_now();
	before = all_done();
	usleep(us);
	after = all_done();
	end = bench_now();
	return (long)((after - before) * 1e9 / (end - begin));
}

/* The median of the rounds, and the quartiles. */
static void report_median(double *values, size_t rounds, const char *key)
{
	bench_report(bench_median(values, rounds), "%s", key);
	bench_report(values[rounds / 4], "%s.low", key);
	bench_report(values[rounds - 1 - rounds / 4], "%s.high", key);
}

static void write_on(struct count *count)
{
	while (!peer->send(&channel, &packet))
		;
}

static void read_on(struct count *count)
{
	while (!peer->recv(&channel, &packet))
		atomic_fetch_add_explicit(&count->done, 1,
					  memory_order_relaxed);
}

static double throughput(const struct peer *of, int writers, int readers,
			 size_t size, unsigned int us)
{
	double result;

	peer = of;
	channel.size = size;
	channel.depth = DEPTH;
	peer->open(&channel);
	while (readers--)
		start(read_on);
	while (writers--)
		start(write_on);
	result = rate(us);
	stop_all();
	peer->close(&channel);
	return result;
}

static void measure_throughput(int each, size_t size)
{
	static const char *const names[] = { "mboxfs", "packet", "mq", "sysv",
					     "seqpacket", "datagram" };
	double result[ARRAY_SIZE(names)][ROUNDS];
	char key[64];
	int round, i;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < ARRAY_SIZE(names); i++)
			result[i][round] = throughput(peer_find(names[i]),
						      each, each, size, WHILE);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(key, sizeof(key), "parallel.%dw%dr.%zu.%s", each,
			 each, size, names[i]);
		report_median(result[i], ROUNDS, key);
	}
}

static void measure_heat(int processes, size_t size)
{
	double result[HEAT_ROUNDS];
	char key[64];
	int i;

	for (i = 0; i < HEAT_ROUNDS; i++)
		result[i] = throughput(peer_find("mboxfs"), processes / 2,
				       processes / 2, size, HEAT_WHILE);
	snprintf(key, sizeof(key), "heat.%d.%zu", processes, size);
	report_median(result, HEAT_ROUNDS, key);
}

static void open_mailboxes(const char *group, int *fds)
{
	char path[64];
	int i;

	for (i = 0; i < MAILBOXES; i++) {
		snprintf(path, sizeof(path), "%s/%d", group, i);
		fds[i] = open(path, O_RDWR | O_CREAT, 0600);
		if (fds[i] < 0)
			err(1, "%s", path);
	}
}

/*
 * Messages through mailboxes of two groups at random. Which group it is changes
 * every few milliseconds by the clock, for all processes at once, so that what
 * else the machine does slows both down alike.
 */
static void use_groups(struct count *count)
{
	int fds[2][MAILBOXES], fd, which;
	unsigned int seed = count - counts;

	for (which = 0; which < 2; which++)
		open_mailboxes(groups[which], fds[which]);
	do {
		which = bench_now() / SLICE % 2;
		fd = fds[which][rand_r(&seed) % MAILBOXES];
		atomic_fetch_add_explicit(which ? &count->others : &count->done,
					  1, memory_order_relaxed);
	} while (write(fd, packet.data, 128) == 128 &&
		 read(fd, packet.data, 128) == 128);
}

/* Throughput of the first group against the second. */
static double compare_groups(void)
{
	long done, others, i;

	done = all_done();
	others = 0;
	for (i = 0; i < child_count; i++)
		others -= counts[i].others;
	usleep(CEILING_WHILE);
	for (i = 0; i < child_count; i++)
		others += counts[i].others;
	return (double)(all_done() - done) / others;
}

static void report_ratio(const char *key, const char *group)
{
	double ratio[CEILING_ROUNDS];
	int i;

	groups[0] = group;
	start(use_groups);
	start(use_groups);
	usleep(WARM_UP);
	for (i = 0; i < CEILING_ROUNDS; i++)
		ratio[i] = compare_groups();
	stop_all();
	report_median(ratio, CEILING_ROUNDS, key);
}

/* The control is what the same comparison says of two that do not differ. */
static void measure_ceiling(void)
{
	static const char bounded[] = BENCH_MOUNT "/ceiling";
	static const char control[] = BENCH_MOUNT "/control";

	peer = NULL;
	if (mkdir(bounded, 0700) || mkdir(groups[1], 0700) ||
	    mkdir(control, 0700))
		err(1, "mkdir");
	bench_limit(bounded, "group_max_bytes", "64m");
	report_ratio("ceiling.ratio", bounded);
	report_ratio("ceiling.control", control);
}

/* How often all processes have been switched away from. */
static long switches(void)
{
	char path[32], line[128];
	long sum = 0, n;
	FILE *f;
	int i;

	for (i = 0; i < child_count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/status", children[i]);
		f = fopen(path, "r");
		if (!f)
			err(1, "%s", path);
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %ld",
				   &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %ld",
				   &n) == 1)
				sum += n;
		fclose(f);
	}
	return sum;
}

/* Until @messages have been received and all readers are asleep again. */
static void await_readers(long messages)
{
	int i;

	for (i = 0; i < 10000 && all_done() < messages; i++)
		usleep(1000);
	if (all_done() != messages)
		errx(1, "%s: %ld of %ld messages received", peer->name,
		     all_done(), messages);
	usleep(200000);
}

static void measure_switches(const char *name)
{
	long before;
	int i;

	peer = peer_find(name);
	channel.size = 128;
	channel.depth = DEPTH;
	peer->open(&channel);
	for (i = 0; i < READERS; i++)
		start(read_on);
	await_readers(0);
	before = switches();
	for (i = 0; i < MESSAGES; i++)
		if (peer->send(&channel, &packet))
			err(1, "%s: send", name);
	await_readers(MESSAGES);
	bench_report((double)(switches() - before) / MESSAGES,
		     "switches.%d.%s", READERS, name);
	stop_all();
	peer->close(&channel);
}

int main(void)
{
	static const size_t sizes[] = { 128, 4096 };
	static const size_t heat[] = { 10, 1000, 5000, 10000 };
	int each, i, processes;

	counts = mmap(NULL, PROCESSES * sizeof(*counts),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (counts == MAP_FAILED)
		err(1, "mmap");
	peers_raise_limits();
	measure_switches("mboxfs");
	measure_switches("mq");
	measure_switches("sysv");
	measure_switches("packet");
	measure_switches("seqpacket");
	measure_ceiling();
	for (processes = 2; processes <= 8; processes += 2)
		for (i = 0; i < ARRAY_SIZE(heat); i++)
			measure_heat(processes, heat[i]);
	for (each = 2; each <= 8; each *= 2)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			measure_throughput(each, sizes[i]);
	return 0;
}
