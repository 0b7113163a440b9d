/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mailbox as a whole: poll, purge, stop, limits, counters, its begin and its end.
 */
#ifndef _MBOXFS_CONTROL_H
#define _MBOXFS_CONTROL_H

#include "mbox.h"

/*
 * The counters of a mailbox at one moment, named as users know them. next_size
 * is -1 while nothing is there; memory is what published and delayed messages
 * use.
 */
struct mbox_stat {
	u64	messages;
	u64	bytes;
	u64	delayed_messages;
	u64	delayed_bytes;
	s64	next_size;
	u64	readers_waiting;
	u64	writers_waiting;
	u64	sent_total;
	u64	received_total;
	u64	dropped_total;
	u64	expired_total;
	u64	revoked_total;
	u64	purged_total;
	u64	barrier_sleepers;
	u64	truncated_total;
	u64	leased_messages;
	u64	leased_bytes;
	u64	dead_messages;
	u64	dead_bytes;
	u64	returned_total;
	u64	once_tag;
	u64	memory;
};

int mbox_init(struct mbox *box, struct mbox_pool *pool,
	      struct mbox_group *group, dev_t dev, u64 ino);
void mbox_exit(struct mbox *box);
__poll_t mbox_poll(struct mbox *box);
u64 mbox_purge(struct mbox *box);
void mbox_open_writer(struct mbox *box);
void mbox_set_once_tag(struct mbox *box, u64 tag);
void mbox_close_writer(struct mbox *box);
int mbox_set_stopped(struct mbox *box, bool stopped);
void mbox_kill(struct mbox *box, int error);
struct mbox_barrier *mbox_get_barrier(struct mbox *box);
int mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value);
void mbox_get_stat(struct mbox *box, struct mbox_stat *stat);
void mbox_take_times(struct mbox *box, u64 *sent, u64 *received);
int mbox_get_group_stat(struct mbox_group *group, struct mbox_group_stat *stat);

#endif /* _MBOXFS_CONTROL_H */
