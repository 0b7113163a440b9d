// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delayed messages: published at once, taken back, published by the timer. See
 * MBOX_DUE in clock.h. "__" means that the mailbox's lock is held.
 */
#include "delay.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "clock.h"
#include "outcome.h"
#include "step.h"
#include "trace.h"

/**
 * mbox_timer_work - publish what is due, discard what has expired
 * @work:	of a struct mbox_clock, whose timer has fired
 *
 * Context: a work queue's.
 */
void mbox_timer_work(struct work_struct *work)
{
	struct mbox_clock *clock = container_of(work, struct mbox_clock, work);
	struct mbox *box = clock->box;
	struct mbox_after after;
	bool more;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		if (!more) {
			clock->armed = U64_MAX;
			__mbox_arm(box);
		}
		mbox_unlock(box, &after);
		cond_resched();
	} while (more);
}

/**
 * mbox_flush - publish what is delayed at once, in due order
 * @box:	the mailbox
 *
 * Context: sleeps; no lock held.
 * Return: 0, or -EINTR if killed; what has been published stays so.
 */
int mbox_flush(struct mbox *box)
{
	struct mbox_clock *clock = READ_ONCE(box->clock);
	struct mbox_msg *msg;
	struct mbox_after after;
	u64 last = 0, now;
	bool more;

	if (!clock)
		return 0;
	do {
		mbox_lock(box, &after);
		/* What is sent meanwhile and due later need not go along. */
		if (!last && clock->last_due)
			last = mbox_due_msg(clock->last_due)->time;
		now = clock->last_due ? ktime_get_boottime_ns() : 0;
		while (!__mbox_step_full(&after) && last &&
		       __mbox_next_due(box) <= last) {
			msg = __mbox_first_due(box);
			__mbox_undelay(box, msg);
			trace_mboxfs_publish(box, msg);
			__mbox_publish(box, msg, now, &after);
		}
		more = __mbox_step_full(&after);
		mbox_unlock(box, &after);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (more);
	return 0;
}

/**
 * struct mbox_take_back - how far the taking back of messages has come
 * @uid:	whose, or INVALID_UID: everyone's
 * @last:	the last message that had been sent when it began
 * @due:	where it is in the order in which they are due
 * @seq:	and of those that are due then
 * @count:	how many have been taken back
 */
struct mbox_take_back {
	kuid_t	uid;
	u64	last;
	u64	due;
	u64	seq;
	u64	count;
};

/* Go on taking back; whether that is all. */
static bool __mbox_take_back(struct mbox *box, struct mbox_take_back *back,
			     u64 *total, struct mbox_after *after)
{
	struct mbox_msg *msg, *next;

	msg = __mbox_delayed_from(box, back->due, back->seq);
	for (; msg && !__mbox_step_full(after); msg = next) {
		next = mbox_due_msg(rb_next(&msg->due_node));
		after->visits++;
		back->due = msg->time;
		back->seq = msg->seq;
		if (msg->seq > back->last || (uid_valid(back->uid) &&
					      !uid_eq(back->uid, msg->uid)))
			continue;
		__mbox_discard(box, msg, after);
		(*total)++;
		back->count++;
	}
	return !msg;
}

/**
 * mbox_take_back - take back messages that are delayed
 * @box:	the mailbox
 * @uid:	whose, or INVALID_UID: everyone's
 * @total:	the mailbox's counter of what has become of them
 *
 * What is sent meanwhile stays.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been taken back; less than all if killed.
 */
u64 mbox_take_back(struct mbox *box, kuid_t uid, u64 *total)
{
	struct mbox_take_back back = { .uid = uid };
	struct mbox_after after;
	bool done;

	if (!READ_ONCE(box->clock))
		return 0;
	mbox_lock(box, &after);
	back.last = box->sent_total;
	for (;;) {
		done = __mbox_take_back(box, &back, total, &after);
		mbox_unlock(box, &after);
		if (done || fatal_signal_pending(current))
			return back.count;
		cond_resched();
		mbox_lock(box, &after);
	}
}

/**
 * mbox_revoke - take back what is not due yet
 * @box:	the mailbox
 * @uid:	whose, or INVALID_UID: everyone's
 *
 * What is due by the clock is published first.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been taken back; less than all if killed.
 */
u64 mbox_revoke(struct mbox *box, kuid_t uid)
{
	struct mbox_after after;
	bool more;
	u64 count;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		mbox_unlock(box, &after);
		cond_resched();
		if (fatal_signal_pending(current))
			return 0;
	} while (more);
	count = mbox_take_back(box, uid, &box->revoked_total);
	trace_mboxfs_revoke(box, count);
	return count;
}
