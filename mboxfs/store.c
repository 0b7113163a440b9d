// SPDX-License-Identifier: GPL-2.0-only
/*
 * The readable messages of a mailbox: highest priority first, and first in,
 * first out within one.
 *
 * Messages of the default priority are in a list, and those who use no other
 * pay for nothing else. Each priority above it that is in use has a level, and
 * the levels are in a tree: to add or take a message is O(log n) in the number
 * of priorities in use, whatever the number of messages.
 *
 * Lists are in order, and it is at their ends that messages come in. One that
 * comes back, and belongs neither before nor behind all others, goes to a tree
 * beside the list: so it has its place again, however many are before it. The
 * default priority has a level as long as there are such messages.
 */
#include "store.h"

#include <linux/kernel.h>
#include <linux/sched.h>

#include "message.h"

static struct mbox_level *mbox_level(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_level, node);
}

static struct mbox_msg *mbox_list_first(struct list_head *list)
{
	return list_first_entry_or_null(list, struct mbox_msg, node);
}

static struct mbox_msg *mbox_back_msg(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_msg, due_node);
}

/* Of two messages, which may be NULL, the one that is first in the order. */
static struct mbox_msg *mbox_earlier(struct mbox_msg *a, struct mbox_msg *b)
{
	if (!a || !b)
		return a ? a : b;
	return mbox_msg_order(a) < mbox_msg_order(b) ? a : b;
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
	level->back = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&level->messages);
	rb_link_node(&level->node, parent, link);
	rb_insert_color_cached(&level->node, &store->levels, highest);
	return level;
}

/* The list of a level; @level may be NULL for the default priority. */
static struct list_head *mbox_level_list(struct mbox_store *store,
					 struct mbox_level *level)
{
	return level && level->priority ? &level->messages : &store->plain;
}

/* The first message of a level, as above. */
static struct mbox_msg *mbox_level_first(struct mbox_store *store,
					 struct mbox_level *level)
{
	struct mbox_msg *first = mbox_list_first(mbox_level_list(store, level));

	if (!level)
		return first;
	return mbox_earlier(first, mbox_back_msg(rb_first_cached(&level->back)));
}

/* A level leaves the message it lives in: with it, or to the next one. */
static void mbox_level_move(struct mbox_store *store, struct mbox_level *level)
{
	struct mbox_msg *next = mbox_list_first(&level->messages);
	struct mbox_level *new;

	if (!next)
		next = mbox_back_msg(rb_first_cached(&level->back));
	if (!next) {
		rb_erase_cached(&level->node, &store->levels);
		return;
	}
	new = &next->extra->level;
	new->priority = level->priority;
	new->sum = level->sum;
	new->back = level->back;
	list_replace_init(&level->messages, &new->messages);
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

/* A message gets its place in the tree of those that have come back. */
static void mbox_store_add_back(struct mbox_store *store, struct mbox_msg *msg)
{
	struct mbox_level *level = mbox_level_get(store, msg);
	struct rb_node **link = &level->back.rb_root.rb_node, *parent = NULL;
	u64 order = msg->order;
	bool first = true;

	while (*link) {
		parent = *link;
		if (order < mbox_msg_order(mbox_back_msg(parent))) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	/* The node takes the place of @order. */
	msg->extra->order = order;
	msg->state = MBOX_MSG_BACK;
	rb_link_node(&msg->due_node, parent, link);
	rb_insert_color_cached(&msg->due_node, &level->back, first);
	mbox_sum_add(&level->sum, msg);
}

/* Put a message into a list if it belongs before or behind all there. */
static bool mbox_list_put_back(struct list_head *list, struct mbox_msg *msg)
{
	if (list_empty(list) ||
	    list_last_entry(list, struct mbox_msg, node)->order < msg->order)
		list_add_tail(&msg->node, list);
	else if (mbox_list_first(list)->order >= msg->order)
		list_add(&msg->node, list);
	else
		return false;
	msg->state = MBOX_MSG_STORED;
	return true;
}

/**
 * mbox_store_needs_extra - whether a message can come back only with an extra
 * @store:	the store
 * @msg:	the message
 *
 * Those above the default priority have one.
 */
bool mbox_store_needs_extra(struct mbox_store *store,
			    const struct mbox_msg *msg)
{
	struct mbox_msg *first = mbox_list_first(&store->plain);

	return !msg->extra && first && first->order < msg->order &&
	       list_last_entry(&store->plain, struct mbox_msg, node)->order >
		       msg->order;
}

/**
 * mbox_store_to_front - a message that has no extra is to come back all the same
 * @store:	the store
 * @msg:	the message, for which mbox_store_needs_extra()
 */
void mbox_store_to_front(struct mbox_store *store, struct mbox_msg *msg)
{
	msg->order = mbox_list_first(&store->plain)->order;
}

/**
 * mbox_store_put_back - a message comes back, to its place in the order
 * @store:	the store
 * @msg:	the message, not one for which mbox_store_needs_extra()
 */
void mbox_store_put_back(struct mbox_store *store, struct mbox_msg *msg)
{
	struct list_head *list = &store->plain;
	struct mbox_level *level = NULL;

	if (msg->priority) {
		level = mbox_level_get(store, msg);
		list = &level->messages;
	}
	if (!mbox_list_put_back(list, msg))
		mbox_store_add_back(store, msg);
	else if (level)
		mbox_sum_add(&level->sum, msg);
}

/**
 * mbox_store_del_level - mbox_store_del() where there are levels
 * @store:	the store
 * @msg:	a message in it
 */
void mbox_store_del_level(struct mbox_store *store, struct mbox_msg *msg)
{
	struct mbox_level *level = mbox_level(rb_first_cached(&store->levels));

	/* What is received is of the highest one. */
	if (unlikely(level->priority != msg->priority))
		level = mbox_level_find(store, msg->priority);
	if (likely(msg->state == MBOX_MSG_STORED)) {
		list_del(&msg->node);
		if (!msg->priority)
			return;
	} else {
		rb_erase_cached(&msg->due_node, &level->back);
		msg->order = msg->extra->order;
	}
	mbox_sum_sub(&level->sum, msg);
	if (level == &msg->extra->level)
		mbox_level_move(store, level);
}

static void mbox_back_list(struct mbox_level *level, struct list_head *list)
{
	struct mbox_msg *msg;

	while ((msg = mbox_back_msg(rb_first_cached(&level->back)))) {
		rb_erase_cached(&msg->due_node, &level->back);
		list_add_tail(&msg->node, list);
		cond_resched();
	}
}

/**
 * mbox_store_list - make a store a list
 * @store:	the store, of which no use can be made afterwards
 * @list:	gets all messages, in no certain order of priorities
 *
 * Context: may sleep.
 */
void mbox_store_list(struct mbox_store *store, struct list_head *list)
{
	struct mbox_level *level;

	for (level = mbox_level(rb_first_cached(&store->levels)); level;
	     level = mbox_level(rb_next(&level->node))) {
		list_splice_tail(&level->messages, list);
		mbox_back_list(level, list);
	}
	list_splice_tail(&store->plain, list);
}

/**
 * mbox_store_first_level - mbox_store_first() where there are levels
 * @store:	the store
 */
struct mbox_msg *mbox_store_first_level(struct mbox_store *store)
{
	return mbox_level_first(store,
				mbox_level(rb_first_cached(&store->levels)));
}

/* The level next to a priority, below it or, with @up, above it; or NULL. */
static struct mbox_level *mbox_level_beside(const struct mbox_store *store,
					    u32 priority, bool up)
{
	struct rb_node *node = store->levels.rb_root.rb_node, *found = NULL;
	u32 other;

	while (node) {
		other = mbox_level(node)->priority;
		if (up ? other > priority : other < priority) {
			found = node;
			node = up ? node->rb_right : node->rb_left;
		} else {
			node = up ? node->rb_left : node->rb_right;
		}
	}
	return mbox_level(found);
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
	struct mbox_level *level = mbox_level_find(store, priority);
	struct mbox_msg *first = NULL;

	if (level || !priority)
		first = mbox_level_first(store, level);
	if (first)
		return first;
	level = mbox_level_beside(store, priority, true);
	return level ? mbox_level_first(store, level) : NULL;
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

/* A walk comes to a priority. */
static void mbox_walk_enter(struct mbox_walk *walk, u32 priority)
{
	walk->priority = priority;
	walk->order = walk->backward ? U64_MAX : 0;
	walk->listed = NULL;
}

/**
 * mbox_walk_begin - begin to go through a store
 * @walk:	set up for it
 * @up:		from the lowest priority on
 * @backward:	in each from the newest on
 */
void mbox_walk_begin(struct mbox_walk *walk, bool up, bool backward)
{
	walk->up = up;
	walk->backward = backward;
	mbox_walk_enter(walk, up ? 0 : U32_MAX);
}

/* The next one in the list of the walk's level. */
static struct mbox_msg *mbox_walk_list(const struct mbox_walk *walk,
				       struct list_head *list)
{
	struct list_head *from = walk->listed ? &walk->listed->node : list;

	from = walk->backward ? from->prev : from->next;
	return from == list ? NULL : list_entry(from, struct mbox_msg, node);
}

/* The next one in the tree of what has come back there. */
static struct mbox_msg *mbox_walk_back(const struct mbox_walk *walk,
				       const struct mbox_level *level)
{
	struct rb_node *node = level->back.rb_root.rb_node, *found = NULL;
	u64 order;

	while (node) {
		order = mbox_msg_order(mbox_back_msg(node));
		if (walk->backward ? order < walk->order :
				     order > walk->order) {
			found = node;
			node = walk->backward ? node->rb_right : node->rb_left;
		} else {
			node = walk->backward ? node->rb_left : node->rb_right;
		}
	}
	return mbox_back_msg(found);
}

/* The next one of the walk's level, which is NULL where there is none. */
static struct mbox_msg *mbox_walk_level(struct mbox_store *store,
					const struct mbox_walk *walk,
					struct mbox_level *level)
{
	struct mbox_msg *listed = NULL, *back, *earlier;

	if (level || !walk->priority)
		listed = mbox_walk_list(walk, mbox_level_list(store, level));
	back = level ? mbox_walk_back(walk, level) : NULL;
	if (!listed || !back)
		return listed ? listed : back;
	earlier = mbox_earlier(listed, back);
	if (walk->backward)
		return earlier == listed ? back : listed;
	return earlier;
}

/**
 * mbox_walk_next - what a walk comes across next
 * @store:	the store
 * @walk:	the walk
 *
 * Return: the message, for mbox_walk_pass(); NULL at the end.
 */
struct mbox_msg *mbox_walk_next(struct mbox_store *store,
				struct mbox_walk *walk)
{
	struct mbox_level *level = NULL;
	struct mbox_msg *msg;

	if (!RB_EMPTY_ROOT(&store->levels.rb_root))
		level = mbox_level_find(store, walk->priority);
	while (!(msg = mbox_walk_level(store, walk, level))) {
		level = mbox_level_beside(store, walk->priority, walk->up);
		if (!level && (walk->up || !walk->priority))
			return NULL;
		mbox_walk_enter(walk, level ? level->priority : 0);
	}
	return msg;
}

/**
 * mbox_walk_forget - a message leaves the store while a walk goes on
 * @store:	the store
 * @walk:	the walk
 * @msg:	the message, still there
 */
void mbox_walk_forget(struct mbox_store *store, struct mbox_walk *walk,
		      const struct mbox_msg *msg)
{
	struct mbox_level *level = NULL;
	struct list_head *to;

	if (walk->listed != msg)
		return;
	if (msg->priority)
		level = mbox_level_find(store, msg->priority);
	to = walk->backward ? msg->node.next : msg->node.prev;
	walk->listed = to == mbox_level_list(store, level) ? NULL :
		       list_entry(to, struct mbox_msg, node);
}
