/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks that wait for a message, found by what they want. Knows no mailbox and
 * no lock: whoever calls holds the mailbox's.
 */
#ifndef _MBOXFS_READERS_H
#define _MBOXFS_READERS_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct mbox_msg;
struct mbox_want;
struct mbox_waiter;

/**
 * struct mbox_readers - tasks that wait for a message
 * @any:	who takes any message
 * @eof:	who does so too, but obeys when_empty
 * @choosy:	who wants those of one sender or with one tag
 * @tickets:	how many have come, ever
 * @waiting:	how many there are
 */
struct mbox_readers {
	struct list_head	any;
	struct list_head	eof;
	struct rb_root		choosy;
	u64			tickets;
	u32			waiting;
};

void mbox_readers_init(struct mbox_readers *readers);
void mbox_readers_add(struct mbox_readers *readers, struct mbox_waiter *waiter);
struct mbox_waiter *mbox_readers_first(struct mbox_readers *readers);
struct mbox_waiter *
mbox_readers_find(const struct mbox_readers *readers,
		  const struct mbox_msg *msg,
		  bool (*ok)(const struct mbox_waiter *waiter,
			     const struct mbox_msg *msg),
		  unsigned int batch);

#endif /* _MBOXFS_READERS_H */
