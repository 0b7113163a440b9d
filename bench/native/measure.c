// SPDX-License-Identifier: GPL-2.0-only
/*
 * Let the kernel threads of mboxbench.c send and receive by mailboxes and by
 * their peers, which take turns. Runs as root under the kernel of
 * mkscripts/native-kernel; mkscripts/bench-native calls it.
 *
 * usage: measure [OPTION]... PEER...
 *
 * PEER is a peer of ../peers.c, or NAME:FOLDER: mailboxes of a mount, called
 * NAME. Options are described there, too; --prefer has the milliseconds to pause
 * after each round, and --check looks at the arguments alone, anywhere.
 *
 * Keys, each also with .low and .high (the quartiles of the rounds), of W
 * writers and R readers:
 *	native.WwRr.BYTES.PEER		messages per second
 *	sleeps.WwRr.BYTES.PEER		how often a reader sleeps for a message
 *	ratio.WwRr.BYTES.NAME		mailboxes against the better of mq and sysv
 *	change.WwRr.BYTES.NAME		the same against the first mailboxes
 */
#include <getopt.h>
#include <sys/ioctl.h>

#include "../bench.h"
#include "../peers.h"
#include "mboxbench.h"

#define PEERS	16
#define ROUNDS	999

struct contender {
	char		name[32];
	const char	*mount;		/* of mailboxes */
	const struct peer *peer;
	double		rate[ROUNDS];
	double		sleeps[ROUNDS];
};

static struct contender contenders[PEERS];
static int contender_count;
static int rounds = 11;
static int device;
static bool checking;
static char *rows;
static const char *sizes;
static const char *figure = "best";
static unsigned int pause_ms;
static struct channel channel = { .depth = 1024 };
static struct bench_run options = {
	.gap = 200,
	.warm_us = 6000,
	.us = 20000,
	.place = BENCH_SIDES,
};

static int kind_of(const struct peer *peer)
{
	return !strcmp(peer->name, "mq") ? BENCH_MQ :
	       !strcmp(peer->name, "sysv") ? BENCH_SYSV : BENCH_FILE;
}

static void add_contender(const char *text)
{
	struct contender *contender = &contenders[contender_count];
	const char *colon = strchr(text, ':');
	int len = colon ? colon - text : strlen(text);

	if (contender_count == PEERS)
		errx(2, "more than %d peers", PEERS);
	if (len >= sizeof(contender->name))
		errx(2, "%s: the name is too long", text);
	snprintf(contender->name, sizeof(contender->name), "%.*s", len, text);
	contender->mount = colon ? colon + 1 : NULL;
	contender->peer = peer_find(colon ? "mboxfs" : text);
	if (!colon && !strstr(" mq sysv packet pipe seqpacket datagram ", text))
		errx(2, "%s: takes no part here", text);
	contender_count++;
}

/* Whether messages are not too long for it. */
static bool takes_part(const struct contender *contender)
{
	return options.size <= contender->peer->max;
}

/* One round of one of them. */
static void measure(struct contender *contender, int round)
{
	struct bench_run run = options;

	channel.mount = contender->mount;
	channel.size = options.size;
	contender->peer->open(&channel);
	run.kind = kind_of(contender->peer);
	run.out = channel.out;
	run.in = channel.in;
	if (ioctl(device, BENCH_RUN, &run))
		err(1, "%s: %u bytes", contender->name, run.size);
	contender->peer->close(&channel);
	if (!run.prefer && options.prefer) {
		warnx("the host prefers nobody: no right");
		options.prefer = 0;
	}
	contender->rate[round] = !strcmp(figure, "best") ? run.best :
				 !strcmp(figure, "median") ? run.median :
				 run.received * 1e9 / run.ns;
	contender->sleeps[round] = run.received ?
				   (double)run.switches / run.received : 0;
	usleep(pause_ms * 1000);
}

static void report_rounds(const double *values, const char *what, const char *row,
			  const char *name)
{
	double sorted[ROUNDS];
	char key[96];

	memcpy(sorted, values, rounds * sizeof(*values));
	snprintf(key, sizeof(key), "%s.%s.%u.%s", what, row, options.size,
		 name);
	bench_report(bench_median(sorted, rounds), "%s", key);
	bench_report(sorted[rounds / 4], "%s.low", key);
	bench_report(sorted[rounds - 1 - rounds / 4], "%s.high", key);
}

static double median_rate(const struct contender *contender)
{
	double sorted[ROUNDS];

	memcpy(sorted, contender->rate, sizeof(sorted));
	return bench_median(sorted, rounds);
}

/* The better of mq and SysV, or NULL if neither takes part. */
static const struct contender *rival(void)
{
	const struct contender *best = NULL, *c;

	for (c = contenders; c < contenders + contender_count; c++)
		if (!c->mount && kind_of(c->peer) != BENCH_FILE &&
		    (!best || median_rate(c) > median_rate(best)))
			best = c;
	return best;
}

static void report_ratio(const struct contender *of,
			 const struct contender *against, const char *what,
			 const char *row)
{
	double ratio[ROUNDS];
	int i;

	for (i = 0; i < rounds; i++)
		ratio[i] = against->rate[i] ? of->rate[i] / against->rate[i] :
					      0;
	report_rounds(ratio, what, row, of->name);
}

static void measure_row(const char *row)
{
	const struct contender *first = NULL, *other = NULL;
	struct contender *c;
	int round;

	for (round = 0; round < rounds; round++)
		for (c = contenders; c < contenders + contender_count; c++)
			if (takes_part(c))
				measure(c, round);
	other = rival();
	for (c = contenders; c < contenders + contender_count; c++) {
		if (!takes_part(c))
			continue;
		report_rounds(c->rate, "native", row, c->name);
		report_rounds(c->sleeps, "sleeps", row, c->name);
		if (!c->mount)
			continue;
		if (other)
			report_ratio(c, other, "ratio", row);
		if (first)
			report_ratio(c, first, "change", row);
		else
			first = c;
	}
}

static unsigned int to_number(const char *text, unsigned int least,
			      unsigned int most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value < least || value > most)
		errx(2, "%s: not a number of %u to %u", text, least, most);
	return value;
}

static int place_of(const char *text)
{
	static const char *const names[] = { "anywhere", "sides", "spread" };
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i]))
			return i;
	errx(2, "%s: no place; one of anywhere, sides, spread", text);
}

static void set_figure(const char *text)
{
	if (strcmp(text, "best") && strcmp(text, "median") &&
	    strcmp(text, "mean"))
		errx(2, "%s: no figure; one of best, median, mean", text);
	figure = text;
}

static void parse_row(const char *row)
{
	int len = 0;

	if (sscanf(row, "%uw%ur%n", &options.writers, &options.readers,
		   &len) != 2 || !len || row[len] || !options.writers ||
	    options.writers > BENCH_THREADS ||
	    options.readers > BENCH_THREADS - options.writers)
		errx(2, "%s: not like 2w2r, with %d threads at most", row,
		     BENCH_THREADS);
}

/* With --check nothing but the lists themselves is looked at. */
static void measure_all(void)
{
	char *row, *size, *list, *in_rows, *in_sizes;

	for (row = strtok_r(rows, ",", &in_rows); row;
	     row = strtok_r(NULL, ",", &in_rows)) {
		parse_row(row);
		list = strdup(sizes);
		if (!list)
			err(1, NULL);
		for (size = strtok_r(list, ",", &in_sizes); size;
		     size = strtok_r(NULL, ",", &in_sizes)) {
			options.size = to_number(size, 1, BENCH_SIZE);
			if (!checking)
				measure_row(row);
		}
		free(list);
	}
}

static const struct option long_options[] = {
	{ "rows", required_argument, NULL, 'w' },
	{ "sizes", required_argument, NULL, 's' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "depth", required_argument, NULL, 'd' },
	{ "gap", required_argument, NULL, 'g' },
	{ "ms", required_argument, NULL, 't' },
	{ "place", required_argument, NULL, 'p' },
	{ "figure", required_argument, NULL, 'f' },
	{ "prefer", required_argument, NULL, 'x' },
	{ "check", no_argument, NULL, 'c' },
	{ }
};

static void apply(int option, char *value)
{
	switch (option) {
	case 'w':
		rows = value;
		break;
	case 's':
		sizes = value;
		break;
	case 'r':
		rounds = to_number(value, 1, ROUNDS);
		break;
	case 'd':
		channel.depth = to_number(value, 1, 65536);
		break;
	case 'g':
		options.gap = to_number(value, 0, 1000000);
		break;
	case 't':
		options.us = to_number(value, 1, 4000) * 1000;
		break;
	case 'p':
		options.place = place_of(value);
		break;
	case 'f':
		set_figure(value);
		break;
	case 'x':
		options.prefer = 1;
		pause_ms = to_number(value, 0, 10000);
		break;
	case 'c':
		checking = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options,
				     NULL)) != -1)
		apply(option, optarg);
	while (optind < argc)
		add_contender(argv[optind++]);
	if (!rows || !sizes || !contender_count)
		errx(2, "usage: measure --rows LIST --sizes LIST [OPTION]... PEER...");
	if (!checking) {
		device = open("/dev/mboxbench", O_RDWR);
		if (device < 0)
			err(1, "/dev/mboxbench");
		peers_raise_limits();
	}
	measure_all();
	return 0;
}
