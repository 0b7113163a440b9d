// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that are dead: received, revived, purged. "__" means that the mailbox's
 * lock is held.
 */
#include "dead.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "lease.h"
#include "match.h"
#include "outcome.h"
#include "search.h"
#include "step.h"

/* Take one for a reader, or say why not. */
static int __mbox_take_dead(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_want *want)
{
	if (mbox_too_long(msg, want)) {
		want->len = msg->len;
		return -EMSGSIZE;
	}
	if (want->flags & MBOX_PEEK) {
		refcount_inc(&msg->refs);
		return 0;
	}
	__mbox_undead(box, msg);
	__mbox_begin_copy(box, msg);
	return 0;
}

/**
 * mbox_receive_dead - take messages from among the dead, the oldest first
 * @box:	the mailbox
 * @want:	what is wanted; never waits
 * @msgs:	where to put them, for what follows mbox_receive()
 * @count:	how many at most
 *
 * Context: may sleep; no lock held.
 * Return: how many; -EAGAIN if there is none; -EMSGSIZE, the first one stays;
 * -EINTR if killed.
 */
int mbox_receive_dead(struct mbox *box, struct mbox_want *want,
		      struct mbox_msg **msgs, int count)
{
	struct mbox_after after;
	int done = 0, err = 0;
	struct mbox_msg *msg;
	u64 next = 1;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	while (done < count && (msg = __mbox_dead_from(box, next))) {
		if (__mbox_step_full(&after)) {
			mbox_unlock(box, &after);
			cond_resched();
			mbox_lock(box, &after);
			if (!fatal_signal_pending(current))
				continue;
			err = -EINTR;
			break;
		}
		after.visits++;
		next = msg->extra->order + 1;
		if (!mbox_matches(msg, want))
			continue;
		err = __mbox_take_dead(box, msg, want);
		if (err)
			break;
		/* The caller looks at the room for the others. */
		want->flags &= ~MBOX_WHOLE;
		msgs[done++] = msg;
	}
	mbox_unlock(box, &after);
	return done ? done : err ? err : -EAGAIN;
}

/* What is done with each of the dead. */
typedef void (*mbox_dead_t)(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after);

/* Do it with all that are dead now; how many. */
static u64 mbox_each_dead(struct mbox *box, mbox_dead_t act)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	u64 last, count = 0;
	bool more;

	if (!READ_ONCE(box->leases))
		return 0;
	last = READ_ONCE(box->leases->deaths);
	do {
		mbox_lock(box, &after);
		while (!__mbox_step_full(&after) &&
		       (msg = __mbox_first_dead(box)) &&
		       msg->extra->order <= last) {
			after.visits++;
			act(box, msg, &after);
			count++;
		}
		more = __mbox_step_full(&after);
		mbox_unlock(box, &after);
		cond_resched();
	} while (more && !fatal_signal_pending(current));
	return count;
}

static void __mbox_revive(struct mbox *box, struct mbox_msg *msg,
			  struct mbox_after *after)
{
	__mbox_undead(box, msg);
	mbox_sum_sub(&box->held, msg);
	msg->extra->was_dead = false;
	msg->extra->attempts = 0;
	msg->extra->left = 0;
	__mbox_publish(box, msg, 0, after);
}

/**
 * mbox_kick - what is dead is readable again, as new
 * @box:	the mailbox
 *
 * Context: may sleep; no lock held.
 * Return: how many; less than all if killed.
 */
u64 mbox_kick(struct mbox *box)
{
	return mbox_each_dead(box, __mbox_revive);
}

static void __mbox_purge_one(struct mbox *box, struct mbox_msg *msg,
			     struct mbox_after *after)
{
	__mbox_discard(box, msg, after);
	box->purged_total++;
}

/**
 * mbox_purge_dead - throw the dead away
 * @box:	the mailbox
 *
 * Context: may sleep; no lock held.
 * Return: how many; less than all if killed.
 */
u64 mbox_purge_dead(struct mbox *box)
{
	return mbox_each_dead(box, __mbox_purge_one);
}
