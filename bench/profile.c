// SPDX-License-Identifier: GPL-2.0-only
/*
 * In which functions of the kernel the instructions of a message are spent.
 * Run with mkscripts/vm --icount.
 *
 *	profile [-n FUNCTIONS] [-s BYTES] [-p] [PEER]...	40 128 mboxfs mq
 *
 * -p: two processes play ping-pong, and both are looked at.
 *
 * A timer looks every so many instructions where this process is. It cannot
 * look while interrupts are off: what is spent there is found at the
 * instruction that turns them on again, so functions that do so (the ends of
 * spinlocks, the slab allocator) get what belongs to their neighbours. The
 * sampling itself costs too, so the number per pair is taken from a run
 * without it and shared out by the samples.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bench.h"
#include "peers.h"

#define PERIOD		10007	/* a prime, so as not to beat with the loop */
#define PAIRS		64
#define ROUNDS		3000
#define RING_PAGES	8
#define NAME_SIZE	64

struct symbol {
	uint64_t	address;
	char		name[NAME_SIZE];
	long		samples;
};

struct sample {
	struct perf_event_header header;
	uint64_t	ip;
};

static struct symbol *symbols;
static size_t symbol_count;
static long user_samples, samples;
static struct packet packet __attribute__((aligned(4096)));
static const struct peer *peer;
static struct channel channel, back;
static bool two;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static int by_samples(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->samples < y->samples) - (x->samples > y->samples);
}

static void load_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t room = 0;
	char line[512], type;
	struct symbol s = {};

	if (!f)
		err(1, "/proc/kallsyms");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %c %63s", &s.address, &type, s.name) < 3 ||
		    !strchr("tTwW", type))
			continue;
		if (symbol_count == room) {
			room = room ? 2 * room : 65536;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				err(1, "symbols");
		}
		symbols[symbol_count++] = s;
	}
	fclose(f);
	if (!symbol_count)
		errx(1, "no function in /proc/kallsyms");
	qsort(symbols, symbol_count, sizeof(*symbols), by_address);
}

/* The last function that begins at or before @ip. */
static struct symbol *find_symbol(uint64_t ip)
{
	size_t low = 0, high = symbol_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].address <= ip)
			low = middle;
		else
			high = middle;
	}
	return &symbols[low];
}

static void count_sample(const struct sample *sample)
{
	if (sample->header.type != PERF_RECORD_SAMPLE)
		return;
	samples++;
	if ((sample->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) ==
	    PERF_RECORD_MISC_KERNEL)
		find_symbol(sample->ip)->samples++;
	else
		user_samples++;
}

/* A record may go round the end of the ring. */
static void drain(struct perf_event_mmap_page *ring)
{
	size_t size = RING_PAGES * 4096;
	char *data = (char *)ring + 4096;
	uint64_t head = __atomic_load_n(&ring->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->data_tail;
	struct sample sample;
	size_t i;

	while (tail < head) {
		for (i = 0; i < sizeof(sample); i++)
			((char *)&sample)[i] = data[(tail + i) % size];
		count_sample(&sample);
		tail += sample.header.size;
	}
	__atomic_store_n(&ring->data_tail, tail, __ATOMIC_RELEASE);
}

static void pairs(void *arg)
{
	int i;

	for (i = 0; i < PAIRS; i++)
		if (peer->send(&channel, &packet) ||
		    peer->recv(two ? &back : &channel, &packet))
			err(1, "%s", peer->name);
}

/* Sends back what comes, for ever. */
static pid_t echo(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	while (!pid)
		if (peer->recv(&channel, &packet) ||
		    peer->send(&back, &packet))
			_exit(1);
	return pid;
}

static int start_sampling(struct perf_event_mmap_page **ring)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD,
		.sample_type = PERF_SAMPLE_IP,
	};
	int fd = syscall(SYS_perf_event_open, &attr, two ? -1 : 0,
			 two ? 0 : -1, -1, 0);

	if (fd < 0)
		err(1, "perf_event_open");
	*ring = mmap(NULL, (1 + RING_PAGES) * 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (*ring == MAP_FAILED)
		err(1, "mmap");
	return fd;
}

static void sample(void)
{
	struct perf_event_mmap_page *ring;
	int fd = start_sampling(&ring), i;

	user_samples = 0;
	samples = 0;
	for (i = 0; i < ROUNDS; i++) {
		pairs(NULL);
		drain(ring);
	}
	munmap(ring, (1 + RING_PAGES) * 4096);
	close(fd);
	if (!samples)
		errx(1, "no samples");
}

static void print_profile(long long cost, int functions)
{
	int i;

	printf("%s, %zu bytes: %lld instructions per pair (%ld samples)\n",
	       peer->name, channel.size, cost, samples);
	printf("%8.0f  (user space)\n", (double)cost * user_samples / samples);
	qsort(symbols, symbol_count, sizeof(*symbols), by_samples);
	for (i = 0; i < functions && symbols[i].samples; i++)
		printf("%8.0f  %s\n", (double)cost * symbols[i].samples /
		       samples, symbols[i].name);
	printf("\n");
	for (i = 0; i < symbol_count; i++)
		symbols[i].samples = 0;
	qsort(symbols, symbol_count, sizeof(*symbols), by_address);
}

static void profile(const char *name, size_t size, int functions)
{
	long long cost;
	pid_t pid = 0;

	peer = peer_find(name);
	channel.size = size;
	channel.depth = PAIRS;
	back = channel;
	peer->open(&channel);
	if (two) {
		peer->open(&back);
		pid = echo();
	}
	cost = bench_cost(pairs, NULL, PAIRS);
	sample();
	if (two) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		peer->close(&back);
	}
	peer->close(&channel);
	print_profile(cost, functions);
}

int main(int argc, char *argv[])
{
	int functions = 40, size = 128, opt;

	while ((opt = getopt(argc, argv, "n:s:p")) != -1) {
		if (opt == 'n')
			functions = atoi(optarg);
		else if (opt == 's')
			size = atoi(optarg);
		else if (opt == 'p')
			two = true;
		else
			errx(2, "usage: profile [-n FUNCTIONS] [-s BYTES] "
				"[-p] [PEER]...");
	}
	if (functions < 1 || size < 1 || size > PEER_SIZE)
		errx(2, "at least one function; 1 to %d bytes", PEER_SIZE);
	peers_raise_limits();
	load_symbols();
	if (optind == argc) {
		profile("mboxfs", size, functions);
		profile("mq", size, functions);
	}
	for (; optind < argc; optind++)
		profile(argv[optind], size, functions);
	return 0;
}
