// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at messages without taking them, and taking back those that are there;
 * see MBOX_MARK in look.h. "__" means that the mailbox's lock is held.
 */
#include "look.h"

#include <linux/bsearch.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "clock.h"
#include "lease.h"
#include "outcome.h"
#include "step.h"
#include "trace.h"

/* A cursor's first number: the kind of messages, and what it says for that. */
#define MBOX_KIND_SHIFT		60
#define MBOX_KEY_MASK		(BIT_ULL(MBOX_KIND_SHIFT) - 1)

/* Kinds of messages, in the order of a walk. */
enum mbox_kind {
	MBOX_KIND_BEGIN,	/* as user space begins */
	MBOX_KIND_READABLE,	/* priority; order */
	MBOX_KIND_DELAYED,	/* seq; when due */
	MBOX_KIND_LEASED,	/* 0; seq */
	MBOX_KIND_DEAD,		/* 0; number of the death */
	MBOX_KIND_END,
};

/* Before all priorities. */
#define MBOX_KEY_FIRST		U32_MAX

/* Bytes of messages that are looked at in one go. */
#define MBOX_LOOK_BYTES		(256 << 10)

/**
 * struct mbox_looking - a look that goes on
 * @box:	at what
 * @mark:	where the walk is
 * @cursor:	of user space
 * @sights:	what has been seen
 * @count:	room there
 * @seen:	how many there are
 * @bytes:	of them
 * @now:	CLOCK_BOOTTIME, ns
 */
struct mbox_looking {
	struct mbox		*box;
	struct mbox_mark	*mark;
	u64			*cursor;
	struct mbox_sight	*sights;
	int			count;
	int			seen;
	u64			bytes;
	u64			now;
};

/* Let a walk go on where it was. */
static void __mbox_resume_walk(const struct mbox_mark *mark,
			       struct mbox_walk *walk)
{
	const struct mbox_msg *msg = mark->msg;

	walk->listed = NULL;
	if (msg && msg->state == MBOX_MSG_STORED && msg->order == mark->order &&
	    msg->priority == walk->priority)
		walk->listed = mark->msg;
}

/* The lock is going to be let go: the message that was marked before, to put. */
static struct mbox_msg *__mbox_mark(struct mbox_mark *mark,
				    const struct mbox_walk *walk)
{
	struct mbox_msg *old = mark->msg;

	if (walk->listed == old)
		return NULL;
	mark->msg = walk->listed;
	if (mark->msg) {
		mark->order = mark->msg->order;
		refcount_inc(&mark->msg->refs);
	}
	return old;
}

/**
 * mbox_mark_exit - a walk does not go on
 * @box:	the mailbox
 * @mark:	where it was
 *
 * Context: may sleep; no lock held.
 */
void mbox_mark_exit(struct mbox *box, struct mbox_mark *mark)
{
	if (mark->msg)
		mbox_msg_put(box->pool, mark->msg);
	mark->msg = NULL;
}

static bool mbox_look_full(const struct mbox_looking *l,
			   const struct mbox_after *after)
{
	return __mbox_step_full(after) || l->seen == l->count ||
	       l->bytes >= MBOX_LOOK_BYTES;
}

static void mbox_set_cursor(struct mbox_looking *l, enum mbox_kind kind,
			    u64 key, u64 place)
{
	l->cursor[0] = (u64)kind << MBOX_KIND_SHIFT | (key & MBOX_KEY_MASK);
	l->cursor[1] = place;
}

/* What is left to live, ns, or -1; it stands still for all but the readable. */
static s64 mbox_left_to_live(const struct mbox_msg *msg, u32 state, u64 now)
{
	const struct mbox_extra *extra = msg->extra;

	if (!extra || !extra->ttl_ms)
		return -1;
	if (!state)
		return msg->time > now ? msg->time - now : 1;
	return extra->left ? extra->left : (s64)extra->ttl_ms * NSEC_PER_MSEC;
}

/* A message has been seen, at which the cursor is now. */
static void __mbox_see(struct mbox_looking *l, struct mbox_msg *msg, u32 state)
{
	struct mbox_sight *sight = &l->sights[l->seen++];

	refcount_inc(&msg->refs);
	*sight = (struct mbox_sight){
		.msg = msg,
		.cursor = { l->cursor[0], l->cursor[1] },
		.left = mbox_left_to_live(msg, state, l->now),
		.state = state,
		.attempts = msg->extra ? msg->extra->attempts : 0,
	};
	if (state == MBOXFS_IS_DELAYED)
		sight->delay = msg->time > l->now ? msg->time - l->now : 1;
	l->bytes += msg->len;
}

/* Go on with those that are readable; whether these are all. */
static bool __mbox_look_readable(struct mbox_looking *l, struct mbox_walk *walk,
				 struct mbox_after *after)
{
	u32 priority = l->cursor[0];
	struct mbox_msg *msg;

	walk->priority = priority;
	walk->order = l->cursor[1];
	__mbox_resume_walk(l->mark, walk);
	while (!mbox_look_full(l, after)) {
		msg = mbox_walk_next(&l->box->store, walk);
		if (!msg)
			return true;
		after->visits++;
		/* What is found on the way to where it was. */
		if (msg->priority != priority ||
		    mbox_msg_order(msg) > l->cursor[1]) {
			priority = msg->priority;
			mbox_set_cursor(l, MBOX_KIND_READABLE, priority,
					mbox_msg_order(msg));
			__mbox_see(l, msg, 0);
		}
		mbox_walk_pass(walk, msg);
	}
	return false;
}

static bool __mbox_look_delayed(struct mbox_looking *l,
				struct mbox_after *after)
{
	struct mbox_msg *msg = NULL;

	if (l->box->clock)
		msg = __mbox_delayed_from(l->box, l->cursor[1],
					  l->cursor[0] & MBOX_KEY_MASK);
	for (; msg; msg = mbox_due_msg(rb_next(&msg->due_node))) {
		if (mbox_look_full(l, after))
			return false;
		after->visits++;
		mbox_set_cursor(l, MBOX_KIND_DELAYED, msg->seq, msg->time);
		__mbox_see(l, msg, MBOXFS_IS_DELAYED);
	}
	return true;
}

static bool __mbox_look_leased(struct mbox_looking *l, struct mbox_after *after)
{
	struct mbox_msg *msg = __mbox_leased_from(l->box, l->cursor[1] + 1);

	for (; msg; msg = mbox_lease_next(msg)) {
		if (mbox_look_full(l, after))
			return false;
		after->visits++;
		mbox_set_cursor(l, MBOX_KIND_LEASED, 0, msg->seq);
		__mbox_see(l, msg, MBOXFS_IS_LEASED);
	}
	return true;
}

static bool __mbox_look_dead(struct mbox_looking *l, struct mbox_after *after)
{
	struct mbox_msg *msg = __mbox_dead_from(l->box, l->cursor[1] + 1);

	for (; msg; msg = mbox_lease_next(msg)) {
		if (mbox_look_full(l, after))
			return false;
		after->visits++;
		mbox_set_cursor(l, MBOX_KIND_DEAD, 0, msg->extra->order);
		__mbox_see(l, msg, MBOXFS_IS_DEAD);
	}
	return true;
}

/* Go on with one kind; whether these are all. */
static bool __mbox_look_kind(struct mbox_looking *l, enum mbox_kind kind,
			     struct mbox_walk *walk, struct mbox_after *after)
{
	switch (kind) {
	case MBOX_KIND_READABLE:
		return __mbox_look_readable(l, walk, after);
	case MBOX_KIND_DELAYED:
		return __mbox_look_delayed(l, after);
	case MBOX_KIND_LEASED:
		return __mbox_look_leased(l, after);
	case MBOX_KIND_DEAD:
		return __mbox_look_dead(l, after);
	default:
		return true;
	}
}

/* Go on until a step is full; whether this is the end of all that is wanted. */
static bool __mbox_look_on(struct mbox_looking *l, u32 what,
			   struct mbox_walk *walk, struct mbox_after *after)
{
	enum mbox_kind kind = l->cursor[0] >> MBOX_KIND_SHIFT;

	l->now = ktime_get_boottime_ns();
	mbox_walk_begin(walk, false, false);
	while (kind < MBOX_KIND_END) {
		/* What user space wants has one bit for each kind. */
		if (kind != MBOX_KIND_BEGIN && (what & 1 << (kind - 1)) &&
		    !__mbox_look_kind(l, kind, walk, after))
			return false;
		kind++;
		mbox_set_cursor(l, kind, kind == MBOX_KIND_READABLE ?
						 MBOX_KEY_FIRST : 0, 0);
	}
	walk->listed = NULL;
	return true;
}

/**
 * mbox_look - look at messages
 * @box:	the mailbox
 * @mark:	where the walk is, for mbox_mark_exit()
 * @what:	MBOXFS_LOOK_*
 * @cursor:	where it goes on, from user space; where it does so next
 * @sights:	gets messages with references
 * @count:	how many at most; it may be less before the end
 *
 * Context: may sleep; no lock held.
 * Return: how many; 0 at the end; -EINTR if killed.
 */
int mbox_look(struct mbox *box, struct mbox_mark *mark, u32 what, u64 *cursor,
	      struct mbox_sight *sights, int count)
{
	struct mbox_looking l = {
		.box = box,
		.mark = mark,
		.cursor = cursor,
		.sights = sights,
		.count = count,
	};
	struct mbox_after after;
	struct mbox_walk walk;
	struct mbox_msg *old;
	bool done;

	do {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		done = __mbox_look_on(&l, what, &walk, &after);
		old = __mbox_mark(mark, &walk);
		mbox_unlock(box, &after);
		if (old)
			mbox_msg_put(box->pool, old);
		cond_resched();
		if (!l.seen && fatal_signal_pending(current))
			return -EINTR;
	} while (!done && !l.seen);
	return l.seen;
}

/**
 * struct mbox_cancel - messages that are to be taken back
 * @numbers:	which, in ascending order, none twice
 * @count:	how many
 * @by_tag:	they are tags, else @seq
 * @uid:	whose, or INVALID_UID: everyone's
 * @last:	the last one that had been sent when it began
 * @done:	how many have been taken back
 */
struct mbox_cancel {
	const u64	*numbers;
	unsigned int	count;
	bool		by_tag;
	kuid_t		uid;
	u64		last;
	s64		done;
};

static int mbox_compare_numbers(const void *key, const void *element)
{
	u64 a = *(const u64 *)key, b = *(const u64 *)element;

	return a < b ? -1 : a > b;
}

static bool mbox_cancels(const struct mbox_cancel *c, const struct mbox_msg *msg)
{
	const u64 *number = c->by_tag ? &msg->tag : &msg->seq;

	if (msg->seq > c->last ||
	    (uid_valid(c->uid) && !uid_eq(c->uid, msg->uid)))
		return false;
	return bsearch(number, c->numbers, c->count, sizeof(*number),
		       mbox_compare_numbers);
}

static bool mbox_cancelled_all(const struct mbox_cancel *c)
{
	return !c->by_tag && c->done == c->count;
}

static void __mbox_cancel(struct mbox *box, struct mbox_msg *msg,
			  struct mbox_cancel *c, struct mbox_after *after)
{
	__mbox_discard(box, msg, after);
	box->revoked_total++;
	c->done++;
	trace_mboxfs_revoke(box, 1);
}

/* Go on among those that are readable, from the newest; whether that is all. */
static bool __mbox_cancel_readable(struct mbox *box, struct mbox_cancel *c,
				   struct mbox_walk *walk,
				   struct mbox_after *after)
{
	struct mbox_msg *msg;

	while (!mbox_cancelled_all(c) && !__mbox_step_full(after)) {
		msg = mbox_walk_next(&box->store, walk);
		if (!msg)
			return true;
		after->visits++;
		if (mbox_cancels(c, msg))
			__mbox_cancel(box, msg, c, after);
		else
			mbox_walk_pass(walk, msg);
	}
	return mbox_cancelled_all(c);
}

static void mbox_cancel_readable(struct mbox *box, struct mbox_cancel *c)
{
	struct mbox_mark mark = {};
	struct mbox_after after;
	struct mbox_walk walk;
	struct mbox_msg *old;
	bool done;

	mbox_walk_begin(&walk, true, true);
	do {
		mbox_lock(box, &after);
		__mbox_resume_walk(&mark, &walk);
		done = __mbox_cancel_readable(box, c, &walk, &after);
		old = __mbox_mark(&mark, &walk);
		mbox_unlock(box, &after);
		if (old)
			mbox_msg_put(box->pool, old);
		cond_resched();
	} while (!done && !fatal_signal_pending(current));
	mbox_mark_exit(box, &mark);
}

/* The same among those that are delayed, behind one of them. */
static bool __mbox_cancel_delayed(struct mbox *box, struct mbox_cancel *c,
				  u64 *due, u64 *seq, struct mbox_after *after)
{
	struct mbox_msg *msg, *next;

	msg = __mbox_delayed_from(box, *due, *seq);
	for (; msg && !mbox_cancelled_all(c); msg = next) {
		if (__mbox_step_full(after))
			return false;
		next = mbox_due_msg(rb_next(&msg->due_node));
		after->visits++;
		*due = msg->time;
		*seq = msg->seq;
		if (mbox_cancels(c, msg))
			__mbox_cancel(box, msg, c, after);
	}
	return true;
}

static void mbox_cancel_delayed(struct mbox *box, struct mbox_cancel *c)
{
	struct mbox_after after;
	u64 due = 0, seq = 0;
	bool done;

	if (!READ_ONCE(box->clock))
		return;
	do {
		mbox_lock(box, &after);
		done = __mbox_cancel_delayed(box, c, &due, &seq, &after);
		mbox_unlock(box, &after);
		cond_resched();
	} while (!done && !fatal_signal_pending(current));
}

/**
 * mbox_cancel - take back messages that are readable or delayed
 * @box:	the mailbox
 * @numbers:	which, in ascending order, none twice
 * @count:	how many
 * @by_tag:	all with one of these tags, else by @seq
 * @uid:	whose, or INVALID_UID: everyone's
 *
 * What is sent meanwhile stays.
 *
 * Context: may sleep; no lock held.
 * Return: how many; less than all if killed.
 */
s64 mbox_cancel(struct mbox *box, const u64 *numbers, unsigned int count,
		bool by_tag, kuid_t uid)
{
	struct mbox_cancel c = {
		.numbers = numbers,
		.count = count,
		.by_tag = by_tag,
		.uid = uid,
	};
	struct mbox_after after;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	c.last = box->sent_total;
	mbox_unlock(box, &after);
	mbox_cancel_readable(box, &c);
	if (!mbox_cancelled_all(&c))
		mbox_cancel_delayed(box, &c);
	return c.done;
}
