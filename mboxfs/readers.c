// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that wait for a message, found by what they want.
 *
 * A message costs those it concerns, however many others wait: who takes any
 * message is in a list, in order; who wants those of a sender, or with a tag,
 * is in a tree by that, and then in order. So the first one who wants a message
 * is the first of very few firsts.
 */
#include "readers.h"

#include <linux/kernel.h>
#include <linux/pid_namespace.h>

#include "message.h"
#include "wait.h"

/* What makes a reader choosy. */
#define MBOX_KEY_FLAGS	(MBOX_FROM | MBOX_TAGGED)

/* Waiters who want the same, or a message that would be wanted by such. */
struct mbox_key {
	unsigned int		flags;
	u64			tag;
	pid_t			sender;
	struct pid_namespace	*ns;
};

static struct mbox_key mbox_key(const struct mbox_want *want)
{
	struct mbox_key key = { .flags = want->flags & MBOX_KEY_FLAGS };

	if (key.flags & MBOX_TAGGED)
		key.tag = want->tag;
	if (key.flags & MBOX_FROM) {
		key.sender = want->sender;
		key.ns = want->ns;
	}
	return key;
}

static int mbox_key_cmp(const struct mbox_key *a, const struct mbox_key *b)
{
	if (a->flags != b->flags)
		return a->flags < b->flags ? -1 : 1;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	if (a->sender != b->sender)
		return a->sender < b->sender ? -1 : 1;
	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return 0;
}

static struct mbox_waiter *mbox_tree_waiter(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_waiter, by_want);
}

static void mbox_tree_add(struct rb_root *tree, struct mbox_waiter *waiter)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;
	struct mbox_key key = mbox_key(waiter->want), other;
	int cmp;

	while (*link) {
		parent = *link;
		other = mbox_key(mbox_tree_waiter(parent)->want);
		cmp = mbox_key_cmp(&key, &other);
		if (!cmp)
			cmp = mbox_waiter_before(waiter,
						 mbox_tree_waiter(parent)) ?
				      -1 : 1;
		link = cmp < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&waiter->by_want, parent, link);
	rb_insert_color(&waiter->by_want, tree);
	waiter->tree = tree;
}

/* The first waiter with a key, or the first one with a greater one. */
static struct mbox_waiter *mbox_tree_from(const struct rb_root *tree,
					  const struct mbox_key *key)
{
	struct rb_node *node = tree->rb_node;
	struct mbox_waiter *found = NULL;
	struct mbox_key other;

	while (node) {
		other = mbox_key(mbox_tree_waiter(node)->want);
		if (mbox_key_cmp(&other, key) < 0) {
			node = node->rb_right;
		} else {
			found = mbox_tree_waiter(node);
			node = node->rb_left;
		}
	}
	return found;
}

/**
 * struct mbox_look - a look at those who want a message
 * @readers:	where
 * @msg:	the message
 * @ok:		whether one will do, or NULL: each does
 * @batch:	how many more to look at
 * @first:	the first one who will do, so far
 */
struct mbox_look {
	const struct mbox_readers	*readers;
	const struct mbox_msg		*msg;
	bool				(*ok)(const struct mbox_waiter *waiter,
					      const struct mbox_msg *msg);
	unsigned int			batch;
	struct mbox_waiter		*first;
};

/* Look at one who wants the message; whether to go on with the next. */
static bool mbox_look_at(struct mbox_look *look, struct mbox_waiter *waiter)
{
	if (!look->batch)
		return false;
	look->batch--;
	if (look->ok && !look->ok(waiter, look->msg))
		return true;
	if (mbox_waiter_before(waiter, look->first))
		look->first = waiter;
	return false;
}

static void mbox_look_in_list(struct mbox_look *look,
			      const struct list_head *list)
{
	struct mbox_waiter *waiter;

	list_for_each_entry(waiter, list, node)
		if (!mbox_look_at(look, waiter))
			return;
}

/* Those with one key. */
static void mbox_look_in_tree(struct mbox_look *look,
			      const struct mbox_key *key)
{
	struct mbox_waiter *waiter = mbox_tree_from(&look->readers->choosy, key);
	struct mbox_key other;

	while (waiter) {
		other = mbox_key(waiter->want);
		if (mbox_key_cmp(&other, key) || !mbox_look_at(look, waiter))
			return;
		waiter = mbox_tree_waiter(rb_next(&waiter->by_want));
	}
}

/*
 * Those who want messages of senders that their namespace does not know: which
 * is asked of each namespace in which one waits.
 */
static void mbox_look_for_hidden(struct mbox_look *look,
				 struct mbox_key key)
{
	struct mbox_waiter *waiter;
	struct mbox_key other;

	key.sender = 0;
	key.ns = NULL;
	while ((waiter = mbox_tree_from(&look->readers->choosy, &key))) {
		other = mbox_key(waiter->want);
		if (other.flags != key.flags || other.tag != key.tag ||
		    other.sender)
			return;
		if (!mbox_msg_sender(look->msg, other.ns))
			mbox_look_in_tree(look, &other);
		key.ns = (void *)((unsigned long)other.ns + 1);
	}
}

/* Those who want messages of this one's sender, whatever they call it. */
static void mbox_look_by_sender(struct mbox_look *look, struct mbox_key key)
{
	struct pid *pid = mbox_msg_sender_pid(look->msg);
	unsigned int level;

	if (pid) {
		for (level = 0; level <= pid->level; level++) {
			key.sender = pid->numbers[level].nr;
			key.ns = pid->numbers[level].ns;
			mbox_look_in_tree(look, &key);
		}
	} else {
		key.sender = mbox_msg_sender(look->msg, &init_pid_ns);
		key.ns = &init_pid_ns;
		if (key.sender)
			mbox_look_in_tree(look, &key);
	}
	mbox_look_for_hidden(look, key);
}

static void mbox_look_at_choosy(struct mbox_look *look)
{
	struct mbox_key key = { .flags = MBOX_TAGGED, .tag = look->msg->tag };

	mbox_look_in_tree(look, &key);
	key.flags = MBOX_FROM | MBOX_TAGGED;
	mbox_look_by_sender(look, key);
	key = (struct mbox_key){ .flags = MBOX_FROM };
	mbox_look_by_sender(look, key);
}

/**
 * mbox_readers_init - nobody waits
 * @readers:	the readers
 */
void mbox_readers_init(struct mbox_readers *readers)
{
	INIT_LIST_HEAD(&readers->any);
	INIT_LIST_HEAD(&readers->eof);
	readers->choosy = RB_ROOT;
	readers->tickets = 0;
	readers->waiting = 0;
}

/**
 * mbox_readers_add - the current task is going to wait for a message
 * @readers:	those who wait
 * @waiter:	its waiter, with @want set; @ticket is 0, or that of a wait which
 *		this one goes on with
 *
 * To be followed by mbox_wait(); __mbox_unqueue() is the opposite.
 */
void mbox_readers_add(struct mbox_readers *readers, struct mbox_waiter *waiter)
{
	mbox_waiter_begin(waiter, &readers->waiting);
	if (!waiter->ticket)
		waiter->ticket = ++readers->tickets;
	if (waiter->want->flags & MBOX_KEY_FLAGS)
		mbox_tree_add(&readers->choosy, waiter);
	else if (waiter->want->flags & MBOX_EOF)
		__mbox_queue(&readers->eof, waiter);
	else
		__mbox_queue(&readers->any, waiter);
}

/**
 * mbox_readers_first - one who waits, whatever it waits for
 * @readers:	those who wait
 *
 * Return: a waiter, or NULL.
 */
struct mbox_waiter *mbox_readers_first(struct mbox_readers *readers)
{
	if (!list_empty(&readers->any))
		return list_first_entry(&readers->any, struct mbox_waiter,
					node);
	if (!list_empty(&readers->eof))
		return list_first_entry(&readers->eof, struct mbox_waiter,
					node);
	return mbox_tree_waiter(rb_first(&readers->choosy));
}

/**
 * mbox_readers_find - the first one who waits for a message like this
 * @readers:	those who wait
 * @msg:	the message
 * @ok:		what else has to hold for him
 * @batch:	how many to look at, at most, beyond the first of each kind
 *
 * Return: the first waiter who wants it and for whom @ok holds, or NULL.
 */
struct mbox_waiter *
mbox_readers_find(const struct mbox_readers *readers,
		  const struct mbox_msg *msg,
		  bool (*ok)(const struct mbox_waiter *waiter,
			     const struct mbox_msg *msg),
		  unsigned int batch)
{
	struct mbox_look look = {
		.readers = readers,
		.msg = msg,
		.ok = ok,
		.batch = batch,
	};

	mbox_look_in_list(&look, &readers->any);
	mbox_look_in_list(&look, &readers->eof);
	if (unlikely(!RB_EMPTY_ROOT(&readers->choosy)))
		mbox_look_at_choosy(&look);
	return look.first;
}
