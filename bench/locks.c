// SPDX-License-Identifier: GPL-2.0-only
/*
 * Send and receive messages of 128 bytes until killed, for mkscripts/bench
 * --locks, which looks from outside. Prints the kernel's functions (compressed)
 * and then the address of the function that is called once for each pair.
 *
 *	locks PEER
 */
#include "bench.h"
#include "peers.h"

#define PAIRS	64

static struct packet packet;

/* Seen in the trace once for each pair. */
static __attribute__((noinline)) void next_pair(void)
{
	__asm__ volatile("");
}

int main(int argc, char *argv[])
{
	struct channel channel = { .size = 128, .depth = PAIRS };
	const struct peer *peer;
	long i;

	if (argc != 2)
		errx(2, "usage: locks PEER");
	if (system("grep -i ' [tw] ' /proc/kallsyms | sort | busybox gzip |"
		   "busybox base64"))
		errx(1, "cannot print the kernel's symbols");
	peers_raise_limits();
	peer = peer_find(argv[1]);
	peer->open(&channel);
	for (i = 0;; i++) {
		if (i == PAIRS) {
			printf("ready %p\n", (void *)next_pair);
			fflush(stdout);
		}
		next_pair();
		if (peer->send(&channel, &packet) ||
		    peer->recv(&channel, &packet))
			err(1, "%s", peer->name);
	}
}
