// SPDX-License-Identifier: GPL-2.0-only
/*
 * The readable messages of a mailbox: highest priority first, and first in,
 * first out within one.
 *
 * Messages of the default priority are in a list, and those who use no other
 * pay for nothing else. Each priority above it that is in use has a level, and
 * the levels are in a tree: to add or take a message is O(log n) in the number
 * of priorities in use, whatever the number of messages.
 */
#include "store.h"

#include <linux/kernel.h>

#include "message.h"

/* How far from the front to look for the place of what comes back. */
#define MBOX_PLACES	1000

static struct mbox_level *mbox_level(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_level, node);
}

static struct mbox_msg *mbox_list_first(struct list_head *list)
{
	return list_first_entry_or_null(list, struct mbox_msg, node);
}

static struct mbox_level *mbox_level_find(const struct mbox_store *store,
					  u32 priority)
{
	struct rb_node *node = store->levels.rb_root.rb_node;

	while (node) {
		struct mbox_level *level = mbox_level(node);

		if (priority == level->priority)
			return level;
		node = priority > level->priority ? node->rb_left :
						    node->rb_right;
	}
	return NULL;
}

/* The level of a message's priority; where there is none, its own. */
static struct mbox_level *mbox_level_get(struct mbox_store *store,
					 struct mbox_msg *msg)
{
	struct rb_node **link = &store->levels.rb_root.rb_node, *parent = NULL;
	struct mbox_level *level;
	bool highest = true;

	while (*link) {
		parent = *link;
		level = mbox_level(parent);
		if (msg->priority == level->priority)
			return level;
		if (msg->priority > level->priority) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			highest = false;
		}
	}
	level = &msg->extra->level;
	level->priority = msg->priority;
	level->sum = (struct mbox_sum){};
	INIT_LIST_HEAD(&level->messages);
	rb_link_node(&level->node, parent, link);
	rb_insert_color_cached(&level->node, &store->levels, highest);
	return level;
}

/* A level leaves the message it lives in: with it, or to the next one. */
static void mbox_level_move(struct mbox_store *store, struct mbox_level *level)
{
	struct mbox_msg *next = mbox_list_first(&level->messages);
	struct mbox_level *new;

	if (!next) {
		rb_erase_cached(&level->node, &store->levels);
		return;
	}
	new = &next->extra->level;
	new->priority = level->priority;
	new->sum = level->sum;
	list_replace(&level->messages, &new->messages);
	rb_replace_node_cached(&level->node, &new->node, &store->levels);
}

/**
 * mbox_store_init - set up an empty store
 * @store:	the store
 */
void mbox_store_init(struct mbox_store *store)
{
	INIT_LIST_HEAD(&store->plain);
	store->levels = RB_ROOT_CACHED;
}

/**
 * mbox_store_add_level - mbox_store_add() above the default priority
 * @store:	the store
 * @msg:	the message
 */
void mbox_store_add_level(struct mbox_store *store, struct mbox_msg *msg)
{
	struct mbox_level *level = mbox_level_get(store, msg);

	list_add_tail(&msg->node, &level->messages);
	mbox_sum_add(&level->sum, msg);
}

/**
 * mbox_store_put_back - a message comes back, as the next of its priority
 * @store:	the store
 * @msg:	the message; several that come back are in their order
 * @prev:	the one of those that has come back before it, or NULL
 *
 * It comes back to where it was; from far behind, to a thousand messages from
 * the front.
 */
void mbox_store_put_back(struct mbox_store *store, struct mbox_msg *msg,
			 struct mbox_msg *prev)
{
	struct list_head *list = &store->plain;
	unsigned int places = MBOX_PLACES;
	struct mbox_level *level;
	struct mbox_msg *next;

	if (msg->priority) {
		level = mbox_level_get(store, msg);
		mbox_sum_add(&level->sum, msg);
		list = &level->messages;
	}
	if (!prev || prev->priority != msg->priority || prev->order > msg->order)
		prev = list_entry(list, struct mbox_msg, node);
	next = prev;
	list_for_each_entry_continue(next, list, node)
		if (next->order > msg->order || !places--)
			break;
	/* In front of @next, or at the end if that is the list's head. */
	list_add_tail(&msg->node, &next->node);
}

/**
 * mbox_store_del_level - the rest of mbox_store_del()
 * @store:	the store
 * @msg:	a message above the default priority, off its list already
 */
void mbox_store_del_level(struct mbox_store *store, struct mbox_msg *msg)
{
	struct mbox_level *level = mbox_level(rb_first_cached(&store->levels));

	/* What is received is of the highest one. */
	if (unlikely(level->priority != msg->priority))
		level = mbox_level_find(store, msg->priority);
	mbox_sum_sub(&level->sum, msg);
	if (level == &msg->extra->level)
		mbox_level_move(store, level);
}

/**
 * mbox_store_list - make a store a list
 * @store:	the store, of which no use can be made afterwards
 * @list:	gets all messages, in no certain order of priorities
 */
void mbox_store_list(struct mbox_store *store, struct list_head *list)
{
	struct mbox_level *level;

	for (level = mbox_level(rb_first_cached(&store->levels)); level;
	     level = mbox_level(rb_next(&level->node)))
		list_splice_tail(&level->messages, list);
	list_splice_tail(&store->plain, list);
}

/**
 * mbox_store_first_level - the first message above the default priority
 * @store:	a store with such messages
 */
struct mbox_msg *mbox_store_first_level(struct mbox_store *store)
{
	struct rb_node *highest = rb_first_cached(&store->levels);

	return mbox_list_first(&mbox_level(highest)->messages);
}

/**
 * mbox_store_next - the message that is received after another one
 * @store:	the store
 * @msg:	a message in it, or NULL for the first
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_next(struct mbox_store *store,
				 struct mbox_msg *msg)
{
	struct mbox_level *level;

	if (!msg)
		return mbox_store_first(store);
	if (!msg->priority) {
		if (list_is_last(&msg->node, &store->plain))
			return NULL;
		return list_next_entry(msg, node);
	}
	level = mbox_level_find(store, msg->priority);
	if (!list_is_last(&msg->node, &level->messages))
		return list_next_entry(msg, node);
	level = mbox_level(rb_next(&level->node));
	return mbox_list_first(level ? &level->messages : &store->plain);
}

/**
 * mbox_store_prev - the message of the same priority in front of another one
 * @store:	the store
 * @msg:	a message in it
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_prev(struct mbox_store *store,
				 const struct mbox_msg *msg)
{
	struct list_head *list = &store->plain;

	if (msg->priority)
		list = &mbox_level_find(store, msg->priority)->messages;
	if (list_is_first(&msg->node, list))
		return NULL;
	return list_entry(msg->node.prev, struct mbox_msg, node);
}

/**
 * mbox_store_from - the first message that is not above a priority
 * @store:	the store
 * @priority:	the priority
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_from(struct mbox_store *store, u32 priority)
{
	struct rb_node *node = store->levels.rb_root.rb_node, *found = NULL;

	while (node) {
		if (mbox_level(node)->priority <= priority) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return mbox_list_first(found ? &mbox_level(found)->messages :
				       &store->plain);
}

/**
 * mbox_store_oldest - the oldest message of the lowest priority from one on
 * @store:	the store
 * @priority:	lower ones do not count
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_oldest(struct mbox_store *store, u32 priority)
{
	struct rb_node *node = store->levels.rb_root.rb_node, *found = NULL;

	if (!priority && !list_empty(&store->plain))
		return mbox_list_first(&store->plain);
	while (node) {
		if (mbox_level(node)->priority >= priority) {
			found = node;
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	return found ? mbox_list_first(&mbox_level(found)->messages) : NULL;
}

/**
 * mbox_store_worst - the oldest message of the lowest priority
 * @store:	the store
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_worst(struct mbox_store *store)
{
	return mbox_store_oldest(store, 0);
}

/**
 * mbox_store_less_bad - what would be the worst without another one
 * @store:	the store
 * @msg:	a message in it
 *
 * Return: the message, or NULL.
 */
struct mbox_msg *mbox_store_less_bad(struct mbox_store *store,
				     struct mbox_msg *msg)
{
	struct rb_node *node;

	if (!msg->priority) {
		if (!list_is_last(&msg->node, &store->plain))
			return list_next_entry(msg, node);
		node = rb_last(&store->levels.rb_root);
	} else {
		struct mbox_level *level = mbox_level_find(store, msg->priority);

		if (!list_is_last(&msg->node, &level->messages))
			return list_next_entry(msg, node);
		node = rb_prev(&level->node);
	}
	return node ? mbox_list_first(&mbox_level(node)->messages) : NULL;
}

/**
 * mbox_store_above - add up the messages above a priority
 * @store:	the store
 * @priority:	the priority
 * @sum:	what is added to
 */
void mbox_store_above(const struct mbox_store *store, u32 priority,
		      struct mbox_sum *sum)
{
	struct mbox_level *level = mbox_level(rb_first_cached(&store->levels));

	while (level && level->priority > priority) {
		sum->messages += level->sum.messages;
		sum->bytes += level->sum.bytes;
		sum->memory += level->sum.memory;
		level = mbox_level(rb_next(&level->node));
	}
}
