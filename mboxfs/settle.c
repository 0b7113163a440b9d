// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: how they begin, and how their holder ends them; see MBOX_LEASE in lease.h.
 * "__" means that the mailbox's lock is held.
 */
#include "settle.h"

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "match.h"
#include "outcome.h"
#include "step.h"

/* Whether the first message can be leased with the lock held. */
static bool __mbox_leases_simply(const struct mbox *box,
				 const struct mbox_msg *msg, size_t room,
				 const struct mbox_holder *holder)
{
	if (box->special || !mbox_is_short(msg, room))
		return false;
	/* Its time would have to stand still, or begin. */
	if (mbox_msg_ttl(msg) || __mbox_limit(box, MBOX_LEASE_MS))
		return false;
	return msg->extra || !list_empty(&holder->spares);
}

/**
 * mbox_lease_in_place - lease the first message, if that is done in one section
 * @box:	the mailbox
 * @room:	bytes of room
 * @seen:	whether to note when this was
 * @drain:	copies a message out as mbox_copy_out_now() does, and that it will
 *		have been tried once more
 * @data:	for @drain
 * @holder:	whose it becomes
 *
 * See MBOX_IN_PLACE.
 *
 * Context: may sleep; no lock held.
 * Return: its length; 0 if nothing has happened.
 */
u32 mbox_lease_in_place(struct mbox *box, size_t room, bool seen,
			mbox_drain_t drain, void *data,
			struct mbox_holder *holder)
{
	struct mbox_msg *msg;
	u32 len;

	if (unlikely(!READ_ONCE(box->leases)))
		return 0;
	spin_lock(&box->lock);
	msg = mbox_store_first(&box->store);
	len = msg ? msg->len : 0;
	if (unlikely(!len || !__mbox_leases_simply(box, msg, room, holder) ||
		     !drain(msg, data))) {
		spin_unlock(&box->lock);
		return 0;
	}
	mbox_store_take(&box->store, msg);
	__mbox_get_extra(msg, holder);
	__mbox_lease(box, msg, holder, false);
	if (seen)
		box->received_at = jiffies;
	spin_unlock(&box->lock);
	return len;
}

/* Lease as many as there are extras for; how many. */
static int __mbox_lease_some(struct mbox *box, struct mbox_msg **msgs,
			     int count, struct mbox_holder *holder, bool read)
{
	int done;

	for (done = 0; done < count; done++) {
		if (!__mbox_get_extra(msgs[done], holder))
			break;
		mbox_sum_sub(&box->copying, msgs[done]);
		__mbox_lease(box, msgs[done], holder, read);
	}
	return done;
}

/**
 * mbox_lease - messages that have been copied out go on lease
 * @box:	the mailbox
 * @msgs:	from mbox_receive()
 * @count:	how many, at most MBOXFS_BATCH_MAX
 * @holder:	whose they become
 * @read:	whether the next read settles them
 *
 * Context: may sleep; no lock held.
 * Return: how many are on lease, the others are still the caller's; or, if it is
 * none, -ENOMEM.
 */
int mbox_lease(struct mbox *box, struct mbox_msg **msgs, int count,
	       struct mbox_holder *holder, bool read)
{
	int done = 0, err = mbox_need_leases(box, MBOX_GFP);
	struct mbox_after after;

	while (!err) {
		mbox_lock(box, &after);
		done += __mbox_lease_some(box, msgs + done, count - done,
					  holder, read);
		mbox_unlock(box, &after);
		if (done == count)
			return done;
		err = mbox_holder_fill(box, holder,
				       min(count - done, MBOX_HOLDER_SPARES),
				       MBOX_GFP);
	}
	return done ? done : err;
}

/* A message on lease has been received. */
static void __mbox_take_leased(struct mbox *box, struct mbox_msg *msg)
{
	__mbox_unlease(box, msg);
	mbox_sum_sub(&box->held, msg);
	trace_mboxfs_recv(box, msg);
	box->received_total++;
}

static void __mbox_acknowledge(struct mbox *box, struct mbox_msg *msg,
			       struct mbox_holder *holder,
			       struct mbox_after *after)
{
	after->visits++;
	__mbox_take_leased(box, msg);
	mbox_tell_sender(msg, 0, after);
	__mbox_put_extra(msg, holder);
	if (!__mbox_keep(box, msg))
		mbox_after_put(after, msg);
}

/**
 * mbox_acknowledge - one message has been received, if that needs no step
 * @box:	the mailbox
 * @holder:	whose it is
 * @seq:	its number
 *
 * See MBOX_QUICK.
 *
 * Context: may sleep; no lock held.
 * Return: false if nothing has happened.
 */
bool mbox_acknowledge(struct mbox *box, struct mbox_holder *holder, u64 seq)
{
	struct mbox_msg *msg;

	spin_lock(&box->lock);
	msg = __mbox_leased_by(box, holder, seq);
	if (!msg || !__mbox_is_plain(box, msg) ||
	    !RB_EMPTY_NODE(&msg->extra->expiry)) {
		spin_unlock(&box->lock);
		return false;
	}
	__mbox_take_leased(box, msg);
	__mbox_put_extra(msg, holder);
	if (likely(__mbox_keep(box, msg)))
		spin_unlock(&box->lock);
	else
		mbox_let_go(box, msg);
	return true;
}

/* Settle one message. */
static void __mbox_settle_one(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_holder *holder,
			      enum mbox_settle how, u64 due,
			      struct mbox_after *after)
{
	switch (how) {
	case MBOX_SETTLE_ACK:
		__mbox_acknowledge(box, msg, holder, after);
		break;
	case MBOX_SETTLE_RETURN:
		__mbox_end_lease(box, msg, MBOX_END_RETURNED, due, after);
		break;
	case MBOX_SETTLE_BURY:
		__mbox_end_lease(box, msg, MBOX_END_BURIED, 0, after);
		break;
	case MBOX_SETTLE_TOUCH:
		after->visits++;
		__mbox_touch(box, msg);
	}
}

/**
 * mbox_settle - a holder settles messages
 * @box:	the mailbox
 * @holder:	whose they are
 * @seqs:	their numbers; those that it does not hold are passed over
 * @count:	how many
 * @how:	what becomes of them
 * @delay:	MBOX_SETTLE_RETURN: readable after this time, ns
 *
 * What has lapsed by the clock is no lease any more.
 *
 * Context: may sleep; no lock held.
 * Return: how many have been settled, or -ENOMEM.
 */
int mbox_settle(struct mbox *box, struct mbox_holder *holder, const u64 *seqs,
		unsigned int count, enum mbox_settle how, u64 delay)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	unsigned int i;
	u64 due = 0;
	int done = 0;

	if (!READ_ONCE(box->leases))
		return 0;
	if (delay && mbox_need_clock(box, MBOX_GFP))
		return -ENOMEM;
	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	if (delay)
		due = ktime_get_boottime_ns() + min_t(u64, delay, KTIME_MAX / 2);
	for (i = 0; i < count; i++) {
		if (__mbox_step_full(&after)) {
			mbox_unlock(box, &after);
			mbox_lock(box, &after);
		}
		msg = __mbox_leased_by(box, holder, seqs[i]);
		if (!msg)
			continue;
		__mbox_settle_one(box, msg, holder, how, due, &after);
		done++;
	}
	mbox_unlock(box, &after);
	return done;
}

/**
 * mbox_settle_read - what has been read has been dealt with
 * @box:	the mailbox
 * @holder:	who has read it
 *
 * Context: may sleep; no lock held.
 */
void mbox_settle_read(struct mbox *box, struct mbox_holder *holder)
{
	struct mbox_extra *extra;
	struct mbox_after after;
	bool more;

	do {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		while (!__mbox_step_full(&after) &&
		       (extra = list_first_entry_or_null(&holder->read,
							 struct mbox_extra,
							 lease.of_holder)))
			__mbox_acknowledge(box, extra->msg, holder, &after);
		more = !list_empty(&holder->read);
		mbox_unlock(box, &after);
		cond_resched();
	} while (more);
}

/* The lease that a holder has had longest, or NULL. */
static struct mbox_msg *__mbox_first_lease(const struct mbox_holder *holder)
{
	const struct list_head *list = &holder->leases;

	if (list_empty(list))
		list = &holder->read;
	return list_empty(list) ? NULL :
	       list_first_entry(list, struct mbox_extra, lease.of_holder)->msg;
}

/**
 * mbox_end_leases - a holder goes away
 * @box:	the mailbox
 * @holder:	the holder, which begins no lease any more
 *
 * Context: may sleep; no lock held.
 */
void mbox_end_leases(struct mbox *box, struct mbox_holder *holder)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	bool more;

	if (likely(!READ_ONCE(holder->count)))
		return;
	do {
		mbox_lock(box, &after);
		while (!__mbox_step_full(&after) &&
		       (msg = __mbox_first_lease(holder)))
			__mbox_end_lease(box, msg, MBOX_END_LAPSED, 0, &after);
		more = holder->count;
		mbox_unlock(box, &after);
		cond_resched();
	} while (more);
}
