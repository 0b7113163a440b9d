/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps: every change of a mailbox that may matter to others is one. "__" means
 * that the mailbox's lock is held.
 *
 * MBOX_QUICK: most messages need no step.
 *	As long as nobody waits, nothing is due and no event is owed to anyone,
 *	a message that nobody waits for only comes in and goes out. All that
 *	can end this state is done in steps, and each step notes whether it
 *	holds when it ends (@special); whether anyone polls is looked up. So
 *	mbox_send(), mbox_receive() and mbox_consume() first try to do
 *	just that, with the lock held as briefly as can be, and leave all else
 *	to a step, which begins with the lock they hold.
 *
 * MBOX_IN_PLACE: a short message is copied with the lock held.
 *	Most messages are so short that to copy them costs less than to take the
 *	lock once more. So who sends takes a message that is kept, fills it and
 *	publishes it in one section; who receives copies the first message out,
 *	and only then takes it. Page faults are off meanwhile: what is not in
 *	memory right now, is longer, or has no message of its size ready is
 *	copied without the lock as ever, and nothing has happened before that.
 *	Where several processors want the lock this is faster, too, up to two
 *	pages: what is copied without it takes it four times.
 *
 * MBOX_POLL: pollers register first and test second, we change first and look
 *	for pollers second, both with the lock in between.
 *	mbox_poll() runs after poll_wait() and takes the lock. If it comes
 *	before our change, then its registration is visible to us, who hold
 *	the lock later, and waitqueue_active() needs no barrier of its own; if
 *	it comes after, it sees the change itself. Blocked readers and writers
 *	are not on that queue, so exclusive pollers never take their wake-ups.
 */
#ifndef _MBOXFS_STEP_H
#define _MBOXFS_STEP_H

#include "clock.h"
#include "match.h"
#include "mbox.h"

void mbox_reclaim(struct mbox_group *group);
void mbox_finish(struct mbox *box, struct mbox_after *after, bool watched);
void __mbox_help(struct mbox *box, struct mbox_after *after);
bool mbox_leave(struct mbox_waiter *waiter, int why, bool at_once);

/* Begin a step with the lock held. */
static inline void __mbox_begin_step(struct mbox_after *after)
{
	INIT_LIST_HEAD(&after->ended);
	INIT_LIST_HEAD(&after->garbage);
	after->full = NULL;
	after->readable = 0;
	after->writable = false;
	after->hangup = false;
	after->event = false;
	after->more = false;
	after->visits = 0;
}

/* Take the lock and begin a step, also where the mailbox is not settled. */
static inline void mbox_lock_unsettled(struct mbox *box,
				       struct mbox_after *after)
	__acquires(&box->lock)
{
	spin_lock(&box->lock);
	__mbox_begin_step(after);
}

/* Begin a step with the lock held, which may be let go for a moment. */
static inline void __mbox_begin(struct mbox *box, struct mbox_after *after)
{
	__mbox_begin_step(after);
	if (unlikely(box->unsettled))
		__mbox_help(box, after);
}

/**
 * mbox_lock - take the lock and begin a step
 * @box:	the mailbox
 * @after:	collects what the step leads to
 *
 * What another step has left to be done is done first, see MBOX_SETTLE.
 *
 * Context: may sleep.
 */
static inline void mbox_lock(struct mbox *box, struct mbox_after *after)
	__acquires(&box->lock)
{
	spin_lock(&box->lock);
	__mbox_begin(box, after);
}

/* Whether there is more to think about than messages that come and go. */
static inline bool __mbox_special(const struct mbox *box)
{
	return box->stopped || box->owes_room || box->unsettled ||
	       box->readers.waiting || __mbox_writers_wait(box) ||
	       __mbox_timed(box) || box->search ||
	       __mbox_limit(box, MBOX_WHEN_READ) ||
	       __mbox_limit(box, MBOX_SEND_DELAY_MS) ||
	       __mbox_limit(box, MBOX_TTL_MS);
}

/* Drop the lock; whether there is an event, and someone who polls. */
static inline bool __mbox_end_step(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock)
{
	bool watched;

	if (unlikely(__mbox_must_settle(box)))
		__mbox_settle(box, after);
	watched = after->event && __mbox_watched(box);
	if (unlikely(watched))
		__mbox_owe_room(box);
	box->special = __mbox_special(box);
	spin_unlock(&box->lock);
	return watched;
}

/**
 * mbox_unlock - end a step: drop the lock, then do what it has led to
 * @box:	the mailbox
 * @after:	from mbox_lock()
 *
 * Context: may sleep.
 */
static inline void mbox_unlock(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock)
{
	bool watched = __mbox_end_step(box, after);

	if (unlikely(watched || after->more))
		mbox_finish(box, after, watched);
}

/**
 * __mbox_catch_up - publish what is due by the clock, discard what has expired
 * @box:	the mailbox
 * @after:	of this step, which has not done anything else yet
 *
 * Context: lock held, and may be let go for a moment.
 * Return: whether there is more to do after a batch.
 */
static inline bool __mbox_catch_up(struct mbox *box, struct mbox_after *after)
{
	bool more;

	if (likely(!__mbox_timed(box)))
		return false;
	more = __mbox_catch_up_now(box, after);
	if (unlikely(box->parked))
		__mbox_help(box, after);
	return more;
}

#endif /* _MBOXFS_STEP_H */
