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

#include "message.h"

/**
 * struct mbox_store - readable messages
 * @levels:	those above the default priority, highest first; and those of the
 *		default priority that have come back
 * @plain:	those of the default priority 0, first in, first out
 */
struct mbox_store {
	struct rb_root_cached	levels;
	struct list_head	plain;
};

/**
 * struct mbox_walk - where someone is who goes through a store
 * @up:		from the lowest priority to the highest, else as they are received
 * @backward:	in each priority from the newest to the oldest
 * @priority:	where it is
 * @order:	that of the last one passed there
 * @listed:	the last one passed there that is in a list, or NULL; if it leaves
 *		the store, mbox_walk_forget() has to be called before
 *
 * What comes in behind it will be come across, and nothing is twice.
 */
struct mbox_walk {
	bool			up;
	bool			backward;
	u32			priority;
	u64			order;
	struct mbox_msg		*listed;
};

void mbox_store_init(struct mbox_store *store);
void mbox_store_add_level(struct mbox_store *store, struct mbox_msg *msg);
bool mbox_store_needs_extra(struct mbox_store *store,
			    const struct mbox_msg *msg);
void mbox_store_to_front(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_put_back(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_del_level(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_list(struct mbox_store *store, struct list_head *list);
struct mbox_msg *mbox_store_first_level(struct mbox_store *store);
struct mbox_msg *mbox_store_oldest(struct mbox_store *store, u32 priority);
void mbox_store_above(const struct mbox_store *store, u32 priority,
		      struct mbox_sum *sum);
void mbox_walk_begin(struct mbox_walk *walk, bool up, bool backward);
struct mbox_msg *mbox_walk_next(struct mbox_store *store,
				struct mbox_walk *walk);
void mbox_walk_forget(struct mbox_store *store, struct mbox_walk *walk,
		      const struct mbox_msg *msg);

static inline bool mbox_store_empty(const struct mbox_store *store)
{
	return list_empty(&store->plain) &&
	       RB_EMPTY_ROOT(&store->levels.rb_root);
}

/**
 * mbox_store_add - a message comes in as the last of its priority
 * @store:	the store
 * @msg:	the message
 */
static inline void mbox_store_add(struct mbox_store *store,
				  struct mbox_msg *msg)
{
	msg->state = MBOX_MSG_STORED;
	if (likely(!msg->priority))
		list_add_tail(&msg->node, &store->plain);
	else
		mbox_store_add_level(store, msg);
}

/**
 * mbox_store_del - take a message out
 * @store:	the store
 * @msg:	a message in it
 */
static inline void mbox_store_del(struct mbox_store *store,
				  struct mbox_msg *msg)
{
	if (likely(RB_EMPTY_ROOT(&store->levels.rb_root)))
		list_del(&msg->node);
	else
		mbox_store_del_level(store, msg);
}

/* The same of the first message, which then goes elsewhere at once. */
static inline void mbox_store_take(struct mbox_store *store,
				   struct mbox_msg *msg)
{
	if (likely(RB_EMPTY_ROOT(&store->levels.rb_root)))
		__list_del_entry(&msg->node);
	else
		mbox_store_del_level(store, msg);
}

/**
 * mbox_walk_pass - a message has been come across
 * @walk:	the walk
 * @msg:	from mbox_walk_next()
 */
static inline void mbox_walk_pass(struct mbox_walk *walk, struct mbox_msg *msg)
{
	u64 order = mbox_msg_order(msg);

	if (msg->state == MBOX_MSG_STORED)
		walk->listed = msg;
	if (walk->backward ? order < walk->order : order > walk->order)
		walk->order = order;
}

/**
 * mbox_store_first - the message that is received first
 * @store:	the store
 *
 * Return: the message, or NULL.
 */
static inline struct mbox_msg *mbox_store_first(struct mbox_store *store)
{
	if (unlikely(!RB_EMPTY_ROOT(&store->levels.rb_root)))
		return mbox_store_first_level(store);
	return list_first_entry_or_null(&store->plain, struct mbox_msg, node);
}

#endif /* _MBOXFS_STORE_H */
