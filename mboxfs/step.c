// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a step has led to, done after the unlock; see step.h. "__" means that the
 * mailbox's lock is held.
 */
#include "step.h"

#include <linux/fs.h>
#include <linux/rcupdate.h>

#include "outcome.h"
#include "room.h"

/*
 * Each kind of event is a wake-up of its own: an exclusive poller counts as
 * woken when the key has any bit it asked for, and must not take an event of
 * the other kind along.
 */
static void mbox_notify(struct mbox *box, const struct mbox_after *after)
{
	if (after->hangup)
		__wake_up(&box->poll, TASK_NORMAL, 0,
			  poll_to_key(EPOLLHUP | EPOLLIN | EPOLLRDNORM |
				      EPOLLOUT | EPOLLWRNORM));
	if (after->readable)
		__wake_up(&box->poll, TASK_NORMAL, after->readable,
			  poll_to_key(EPOLLIN | EPOLLRDNORM));
	if (after->writable)
		__wake_up(&box->poll, TASK_NORMAL, 1,
			  poll_to_key(EPOLLOUT | EPOLLWRNORM));
	if (after->readable || after->hangup)
		kill_fasync(&box->fasync, SIGIO, POLL_IN);
	if (after->writable)
		kill_fasync(&box->fasync, SIGIO, POLL_OUT);
}

/**
 * mbox_reclaim - mailboxes give back what they have reserved and do not need
 * @group:	those in it and below
 *
 * See MBOX_CEILING.
 *
 * Context: may sleep; no lock held.
 */
void mbox_reclaim(struct mbox_group *group)
{
	unsigned int batch = MBOX_BATCH;
	struct mbox_account *account;
	struct mbox *box;

	mbox_group_begin_reclaim(group);
	rcu_read_lock();
	while ((account = mbox_group_next_holder(group))) {
		box = container_of(account, struct mbox, account);
		spin_lock(&box->lock);
		mbox_account_release_all(account, __mbox_used(box));
		spin_unlock(&box->lock);
		if (--batch)
			continue;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
		batch = MBOX_BATCH;
	}
	rcu_read_unlock();
	mbox_group_end_reclaim(group);
}

/**
 * mbox_finish - do what a step has led to
 * @box:	the mailbox
 * @after:	of the step
 * @watched:	whether there is an event, and someone who polls
 *
 * Context: may sleep; no lock held.
 */
void mbox_finish(struct mbox *box, struct mbox_after *after, bool watched)
{
	struct mbox_group *full;

	for (;;) {
		mbox_wake(&after->ended);
		if (watched)
			mbox_notify(box, after);
		mbox_msg_put_list(box->pool, &after->garbage);
		full = after->full;
		if (full) {
			/* What settles finds no holders: that group decides. */
			mbox_group_begin_reclaim(full);
			mbox_reclaim(full);
		} else if (likely(!READ_ONCE(box->unsettled))) {
			return;
		}
		cond_resched();
		mbox_lock_unsettled(box, after);
		watched = __mbox_end_step(box, after);
		if (full) {
			mbox_group_end_reclaim(full);
			mbox_group_put(full);
		}
	}
}

/**
 * __mbox_help - finish what other steps have left to be done
 * @box:	the mailbox, which is not settled
 * @after:	of this step, which begins anew
 *
 * Context: lock held, which is let go meanwhile; may sleep.
 */
void __mbox_help(struct mbox *box, struct mbox_after *after)
	__must_hold(&box->lock)
{
	do {
		mbox_unlock(box, after);
		mbox_lock_unsettled(box, after);
	} while (box->unsettled);
}

/* Whether who waits can go, with all that is his; see MBOX_RENDEZVOUS. */
static bool __mbox_may_leave(struct mbox *box, struct mbox_waiter *waiter,
			     int why, bool at_once)
{
	struct mbox_msg *msg = waiter->msg;

	if (!msg)
		return true;
	if (msg->state == MBOX_MSG_OUTSIDE) {
		__mbox_leave_writers(box, waiter);
		return true;
	}
	if (__mbox_withdraw(box, waiter))
		return true;
	/* It is being copied. */
	if (!at_once) {
		waiter->leaving = why;
		return false;
	}
	msg->extra->sender = NULL;
	msg->extra->orphan = true;
	waiter->msg = NULL;
	return true;
}

/**
 * mbox_leave - leave a mailbox without what one has waited for
 * @waiter:	who waits
 * @why:	a signal or a timeout
 * @at_once:	not even the outcome of a copy is waited for
 *
 * What the waiter stood in the way of goes on.
 *
 * Context: may sleep; no lock held.
 * Return: whether it has left. If not, the wait has been ended; or, unless
 * @at_once, it is a rendezvous whose message is being copied: the outcome is to
 * be waited for then.
 */
bool mbox_leave(struct mbox_waiter *waiter, int why, bool at_once)
{
	struct mbox *box = waiter->box;
	struct mbox_after after;
	bool left;

	mbox_lock(box, &after);
	left = waiter->queued && __mbox_may_leave(box, waiter, why, at_once);
	if (left)
		__mbox_unqueue(waiter);
	mbox_unlock(box, &after);
	return left;
}
