// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one message costs, sent and received, beside other ways to pass it: one
 * send and one receive in turn (pair), 16 of each (burst), 32 in one call each
 * (batch), and one way between two processes, of which the one that receives
 * is asleep (pingpong).
 *
 *	messages [-q]		-q: mboxfs and its floor only, no pingpong
 *
 * Keys: WORKLOAD.BYTES.PEER
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench.h"
#include "peers.h"

#define PAIRS	64
#define BURST	16
#define BURSTS	8
#define BATCHES	8
#define TURNS	64
#define DEPTH	64

struct work {
	const struct peer	*peer;
	struct channel		there;
	struct channel		back;	/* pingpong */
};

static struct packet packet __attribute__((aligned(4096)));

static void send_one(struct work *work)
{
	if (work->peer->send(&work->there, &packet))
		err(1, "%s: send of %zu bytes", work->peer->name,
		    work->there.size);
}

static void receive_one(struct work *work)
{
	if (work->peer->recv(&work->there, &packet))
		err(1, "%s: receive of %zu bytes", work->peer->name,
		    work->there.size);
}

static void pair_round(void *arg)
{
	int i;

	for (i = 0; i < PAIRS; i++) {
		send_one(arg);
		receive_one(arg);
	}
}

static void burst_round(void *arg)
{
	int i, k;

	for (i = 0; i < BURSTS; i++) {
		for (k = 0; k < BURST; k++)
			send_one(arg);
		for (k = 0; k < BURST; k++)
			receive_one(arg);
	}
}

static void batch_round(void *arg)
{
	struct work *work = arg;
	int i;

	for (i = 0; i < BATCHES; i++)
		if (work->peer->send_batch(&work->there, &packet) ||
		    work->peer->recv_batch(&work->there, &packet))
			err(1, "%s: batch of %zu bytes", work->peer->name,
			    work->there.size);
}

static void pingpong_round(void *arg)
{
	struct work *work = arg;
	int i;

	for (i = 0; i < TURNS; i++)
		if (work->peer->send(&work->there, &packet) ||
		    work->peer->recv(&work->back, &packet))
			err(1, "%s: ping", work->peer->name);
}

/* The other process sends back what comes until it is killed. */
static void echo(struct work *work)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!work->peer->recv(&work->there, &packet) &&
	       !work->peer->send(&work->back, &packet))
		;
	err(1, "%s: pong", work->peer->name);
}

static long long pingpong(struct work *work)
{
	long long cost;
	pid_t pid;

	work->back.size = work->there.size;
	work->back.depth = work->there.depth;
	work->peer->open(&work->back);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid)
		echo(work);
	/* Two messages a turn. */
	cost = bench_cost(pingpong_round, work, 2 * TURNS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	work->peer->close(&work->back);
	return cost;
}

static void measure(const struct peer *peer, size_t size, bool quick)
{
	struct work work = { .peer = peer, .there = { .size = size,
						.depth = DEPTH } };
	const char *name = peer->name;

	peer->open(&work.there);
	if (peer->send) {
		bench_report(bench_cost(pair_round, &work, PAIRS),
			     "pair.%zu.%s", size, name);
		bench_report(bench_cost(burst_round, &work, BURSTS * BURST),
			     "burst.%zu.%s", size, name);
	}
	if (peer->send_batch && size * PEER_BATCH <= sizeof(packet.data))
		bench_report(bench_cost(batch_round, &work,
					BATCHES * PEER_BATCH),
			     "batch.%zu.%s", size, name);
	if (!quick && peer->send && strcmp(name, "floor"))
		bench_report(pingpong(&work), "pingpong.%zu.%s", size, name);
	peer->close(&work.there);
}

int main(int argc, char *argv[])
{
	static const size_t sizes[] = { 16, 128, 1024, 4096, 8000, 65536 };
	bool quick = argc > 1 && !strcmp(argv[1], "-q");
	unsigned int s, p;

	alarm(600);
	peers_raise_limits();
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		if (quick && sizes[s] > 8000)
			break;
		for (p = 0; p < peer_count; p++)
			if (sizes[s] <= peers[p].max && (!quick || p < 5))
				measure(&peers[p], sizes[s], quick);
	}
	return 0;
}
