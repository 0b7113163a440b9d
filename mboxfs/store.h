/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The readable messages of a mailbox, by priority. Knows no lock: whoever
 * calls holds the mailbox's.
 */
#ifndef _MBOXFS_STORE_H
#define _MBOXFS_STORE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct mbox_msg;

/**
 * struct mbox_sum - some messages, added up
 * @messages:	how many
 * @bytes:	their bodies
 * @memory:	what they use of their pool
 */
struct mbox_sum {
	u64	messages;
	u64	bytes;
	u64	memory;
};

/**
 * struct mbox_level - the messages of one priority above the default
 * @node:	place in mbox_store->levels
 * @messages:	first in, first out
 * @sum:	of @messages
 * @priority:	their priority
 *
 * Lives in one of its own messages, and moves to another one with it: so a
 * level never needs memory at a moment when there may be none.
 */
struct mbox_level {
	struct rb_node		node;
	struct list_head	messages;
	struct mbox_sum		sum;
	u32			priority;
};

/**
 * struct mbox_store - readable messages
 * @plain:	those of the default priority 0, first in, first out
 * @levels:	those above it, highest first
 */
struct mbox_store {
	struct list_head	plain;
	struct rb_root_cached	levels;
};

void mbox_sum_add(struct mbox_sum *sum, const struct mbox_msg *msg);
void mbox_sum_sub(struct mbox_sum *sum, const struct mbox_msg *msg);

void mbox_store_init(struct mbox_store *store);
void mbox_store_add(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_put_back(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_del(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_take_all(struct mbox_store *store, struct list_head *list);
struct mbox_msg *mbox_store_next(struct mbox_store *store,
				 struct mbox_msg *msg);
struct mbox_msg *mbox_store_worst(struct mbox_store *store);
struct mbox_msg *mbox_store_less_bad(struct mbox_store *store,
				     struct mbox_msg *msg);
void mbox_store_above(const struct mbox_store *store, u32 priority,
		      struct mbox_sum *sum);

static inline bool mbox_store_empty(const struct mbox_store *store)
{
	return list_empty(&store->plain) &&
	       RB_EMPTY_ROOT(&store->levels.rb_root);
}

#endif /* _MBOXFS_STORE_H */
