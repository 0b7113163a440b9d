/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways to pass a message from one process to another, all behind one face. */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>

#define PEER_BATCH	32
#define PEER_SIZE	65536

struct channel {
	int	out;	/* what is sent to */
	int	in;	/* what is received from */
	size_t	size;	/* of each message */
	long	depth;	/* messages for which there is room */
	const char *mount; /* where mailboxes are; NULL: BENCH_MOUNT */
};

/* The type is SysV's; the others send and receive the data alone. */
struct packet {
	long	type;
	char	data[PEER_BATCH * 8192];
};

/**
 * struct peer - a way to pass messages
 * @name:	in keys
 * @max:	bytes of its longest message
 * @open:	make a channel for messages of its size and its depth
 * @close:	and away with it
 * @send:	one message, waits for room; 0 or -1
 * @recv:	one message, waits for one; 0 or -1
 * @send_batch:	PEER_BATCH messages at once, or NULL; without @send this is all
 * @recv_batch:	the same
 */
struct peer {
	const char *name;
	size_t max;
	void (*open)(struct channel *channel);
	void (*close)(struct channel *channel);
	int (*send)(struct channel *channel, struct packet *packet);
	int (*recv)(struct channel *channel, struct packet *packet);
	int (*send_batch)(struct channel *channel, struct packet *packet);
	int (*recv_batch)(struct channel *channel, struct packet *packet);
};

extern const struct peer peers[];
extern const unsigned int peer_count;

const struct peer *peer_find(const char *name);
void peers_raise_limits(void);

#endif /* PEERS_H */
