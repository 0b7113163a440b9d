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
 * @levels:	those above the default priority, highest first
 * @plain:	those of the default priority 0, first in, first out
 */
struct mbox_store {
	struct rb_root_cached	levels;
	struct list_head	plain;
};

void mbox_store_init(struct mbox_store *store);
void mbox_store_add_level(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_put_back(struct mbox_store *store, struct mbox_msg *msg,
			 struct mbox_msg *prev);
void mbox_store_del_level(struct mbox_store *store, struct mbox_msg *msg);
void mbox_store_list(struct mbox_store *store, struct list_head *list);
struct mbox_msg *mbox_store_first_level(struct mbox_store *store);
struct mbox_msg *mbox_store_next(struct mbox_store *store,
				 struct mbox_msg *msg);
struct mbox_msg *mbox_store_prev(struct mbox_store *store,
				 const struct mbox_msg *msg);
struct mbox_msg *mbox_store_from(struct mbox_store *store, u32 priority);
struct mbox_msg *mbox_store_oldest(struct mbox_store *store, u32 priority);
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

/**
 * mbox_store_add - a message comes in as the last of its priority
 * @store:	the store
 * @msg:	the message
 */
static inline void mbox_store_add(struct mbox_store *store,
				  struct mbox_msg *msg)
{
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
	list_del(&msg->node);
	if (unlikely(msg->priority))
		mbox_store_del_level(store, msg);
}

/* The same of the first message, which then goes elsewhere at once. */
static inline void mbox_store_take(struct mbox_store *store,
				   struct mbox_msg *msg)
{
	__list_del_entry(&msg->node);
	if (unlikely(msg->priority))
		mbox_store_del_level(store, msg);
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
