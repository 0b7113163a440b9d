// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending where more is to be thought of: waiting for room, for a reader, batches.
 * "__" means that the mailbox's lock is held.
 */
#include "send.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>

#include "step.h"

/*
 * How long a sender who may not wait waits for the reader who has been waiting
 * for it to copy its message, ns: far longer than that takes, unless the reader
 * cannot go on.
 */
#define MBOX_GRACE	NSEC_PER_SEC

/**
 * mbox_new_copy - make a message to send, with the body of another one
 * @box:	the mailbox
 * @original:	the other one, filled, from the pool of @box
 * @gfp:	whether this may sleep
 *
 * Return: as mbox_msg_alloc().
 */
struct mbox_msg *mbox_new_copy(struct mbox *box, struct mbox_msg *original,
			       gfp_t gfp)
{
	u32 ttl_ms = mbox_get_limit(box, MBOX_TTL_MS);
	struct mbox_msg *msg;

	if ((ttl_ms || original->time != MBOX_DELAY_DEFAULT) &&
	    mbox_need_clock(box, gfp))
		return ERR_PTR(-ENOMEM);
	msg = mbox_msg_copy(box->pool, original, original->priority || ttl_ms,
			    gfp);
	if (!IS_ERR(msg) && msg->extra)
		msg->extra->ttl_ms = ttl_ms;
	return msg;
}

/**
 * mbox_set_delay - a message is to be readable later than is the mailbox's way
 * @box:	the mailbox it will be sent to
 * @msg:	the message
 * @delay:	ns from when it is sent; 0: at once
 * @gfp:	whether this may sleep
 *
 * Return: 0 or -ENOMEM.
 */
int mbox_set_delay(struct mbox *box, struct mbox_msg *msg, u64 delay, gfp_t gfp)
{
	msg->time = min_t(u64, delay, KTIME_MAX);
	return delay ? mbox_need_clock(box, gfp) : 0;
}

/* A message is known by who waits for it; see MBOX_RENDEZVOUS. */
static void __mbox_meet(struct mbox *box, struct mbox_waiter *sender)
{
	mbox_waiter_begin(sender, &box->writers_waiting);
	list_add_tail(&sender->node, &box->rendezvous);
	sender->stops = box->stops;
	sender->msg->extra->sender = sender;
}

/* Whether @msg can be sent now; as __mbox_make_room(). */
static int __mbox_try_send(struct mbox *box, struct mbox_msg *msg,
			   unsigned int flags, struct mbox_after *after)
{
	int ret = -EAGAIN;

	if (unlikely(box->stopped))
		return __mbox_refusal(box);
	if (likely(!__mbox_writers_wait(box))) /* else see MBOX_FAIR */
		ret = __mbox_make_room(box, msg, after);
	if (ret == -EAGAIN && !(flags & MBOX_NONBLOCK) &&
	    __mbox_may_wait(box, msg->len, after))
		ret = -EDQUOT;
	if (unlikely(ret))
		trace_mboxfs_limit(box, msg->len, msg->priority, ret);
	/* Without waiting, one can only meet who is there already. */
	if (!ret && (flags & MBOX_SYNC) && (flags & MBOX_NONBLOCK) &&
	    (__mbox_due(box, msg) || !__mbox_wanted(box, msg)))
		ret = -EAGAIN;
	return ret;
}

/* Whether to try again: after dropping more, or after reclaiming. */
static bool __mbox_try_again(const struct mbox *box, int ret,
			     const struct mbox_after *after)
{
	if (ret == -EDQUOT)
		return after->full && !fatal_signal_pending(current);
	return ret == -EAGAIN && __mbox_step_full(after) &&
	       __mbox_limit(box, MBOX_WHEN_FULL) ==
		       MBOXFS_WHEN_FULL_DROP_OLDEST;
}

/* Wait for room: in front of others it may fit, though they do not. */
static void __mbox_queue_writer(struct mbox *box, struct mbox_waiter *writer,
				struct mbox_after *after)
{
	struct mbox_msg *msg = writer->msg;

	mbox_waiter_begin(writer, &box->writers_waiting);
	if (likely(__mbox_may_bring(box, msg->len))) {
		box->waiting_bytes += msg->len;
		__mbox_queue(&box->writers, writer);
		return;
	}
	writer->len = msg->len;
	writer->msg = NULL;
	mbox_after_put(after, msg);
	__mbox_queue(&box->lobby, writer);
}

/* Queue for room, or send and queue for a reader; the lock is dropped. */
static int mbox_send_queue(struct mbox *box, struct mbox_after *after,
			   struct mbox_msg *msg, bool room,
			   unsigned int flags, s64 *timeout)
	__releases(&box->lock)
{
	s64 grace = MBOX_GRACE;
	struct mbox_waiter waiter = {
		.box = box,
		.msg = msg,
		.sync = flags & MBOX_SYNC,
		.leaving = flags & MBOX_NONBLOCK ? -EAGAIN : 0,
	};
	int ret;

	trace_mboxfs_block(box, true, msg->len);
	mbox_waiter_resume(&waiter, &box->writers, *timeout);
	if (!waiter.ticket)
		waiter.ticket = ++box->readers.tickets;
	if (room) {
		__mbox_meet(box, &waiter);
		__mbox_accept(box, msg, ktime_get_real_ns(), after);
	} else {
		__mbox_queue_writer(box, &waiter, after);
	}
	mbox_unlock(box, after);
	ret = mbox_wait(&waiter, waiter.leaving ? &grace : timeout, mbox_leave);
	/* What is still the sender's has not been sent. */
	if (waiter.msg)
		mbox_msg_put(box->pool, waiter.msg);
	if (ret == MBOX_AGAIN)
		mbox_place_keep(&box->writers, waiter.ticket, waiter.deadline,
				*timeout < 0 ? -1 : *timeout);
	return ret == -ETIMEDOUT && waiter.leaving ? waiter.leaving : ret;
}

/* mbox_send() where more is to be thought of; the lock is dropped. */
int mbox_send_slow(struct mbox *box, struct mbox_msg *msg, u64 now,
		   unsigned int flags, s64 *timeout)
	__releases(&box->lock)
{
	struct mbox_after after;
	bool again;
	int ret;

	__mbox_begin(box, &after);
	for (;;) {
		__mbox_catch_up(box, &after);
		ret = __mbox_try_send(box, msg, flags, &after);
		if (!ret && !(flags & MBOX_SYNC)) {
			__mbox_accept(box, msg, now, &after);
			mbox_unlock(box, &after);
			return 0;
		}
		again = __mbox_try_again(box, ret, &after);
		if (!again && (!ret || (ret == -EAGAIN &&
					!(flags & MBOX_NONBLOCK))))
			return mbox_send_queue(box, &after, msg, !ret, flags,
					       timeout);
		mbox_unlock(box, &after);
		if (likely(!again))
			break;
		mbox_lock(box, &after);
	}
	mbox_msg_put(box->pool, msg);
	return ret;
}

/*
 * Go on where mbox_send_in_place() has returned MBOX_MADE; the lock is dropped.
 * What would not have been made is not sent. As mbox_send(), or MBOX_MAKE.
 */
int mbox_send_made(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
		   s64 *timeout)
{
	__acquire(&box->lock);
	/* It would have an extra, or not be made at all. */
	if (likely(!__mbox_limit(box, MBOX_TTL_MS) && !box->stopped))
		return mbox_send_slow(box, msg, msg->sent, flags, timeout);
	spin_unlock(&box->lock);
	mbox_msg_put(box->pool, msg);
	return MBOX_MAKE;
}

/* Send as many as can be sent now; *@err says why it was not more. */
static int mbox_send_some(struct mbox *box, struct list_head *msgs,
			  unsigned int flags, int *err)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	u64 now = ktime_get_real_ns();
	int done = 0;
	bool again;

	spin_lock(&box->lock);
	while (!list_empty(msgs)) {
		msg = list_first_entry(msgs, struct mbox_msg, node);
		list_del(&msg->node);
		if (!__mbox_send_quickly(box, msg, now)) {
			list_add(&msg->node, msgs);
			break;
		}
		done++;
	}
	if (likely(list_empty(msgs))) {
		spin_unlock(&box->lock);
		return done;
	}
	__mbox_begin(box, &after);
	for (;;) {
		__mbox_catch_up(box, &after);
		while (!list_empty(msgs) && !__mbox_step_full(&after)) {
			msg = list_first_entry(msgs, struct mbox_msg, node);
			*err = __mbox_try_send(box, msg, flags, &after);
			if (*err)
				break;
			list_del(&msg->node);
			__mbox_accept(box, msg, now, &after);
			done++;
		}
		again = !*err || (*err == -EDQUOT && after.full &&
				  !fatal_signal_pending(current));
		mbox_unlock(box, &after);
		if (!again || list_empty(msgs))
			return done;
		mbox_lock(box, &after);
	}
}

/**
 * mbox_send_batch - send several messages in one step, or the first one alone
 * @box:	the mailbox
 * @msgs:	linked by their @node; empty afterwards: those that are not sent are
 *		freed
 * @flags:	MBOX_NONBLOCK
 * @timeout:	as with mbox_send(), for the first one
 *
 * Context: may sleep; no lock held.
 * Return: how many have been sent, or the error of the first one.
 */
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 *timeout)
{
	struct mbox_msg *first;
	int err = 0, done;

	done = mbox_send_some(box, msgs, flags, &err);
	if (!done && err == -EAGAIN && !(flags & MBOX_NONBLOCK)) {
		/* Who waits keeps no more than what it waits for. */
		first = list_first_entry(msgs, struct mbox_msg, node);
		list_del(&first->node);
		mbox_msg_put_list(box->pool, msgs);
		err = mbox_send(box, first, flags, timeout);
		return err ? err : 1;
	}
	mbox_msg_put_list(box->pool, msgs);
	return done ? done : err;
}

/* A message that was dead is sent so. */
static void __mbox_accept_dead(struct mbox *box, struct mbox_msg *msg,
			       struct mbox_after *after)
{
	__mbox_stamp(box, msg, ktime_get_real_ns());
	msg->order = ++box->published;
	mbox_sum_add(&box->held, msg);
	after->visits++;
	__mbox_die(box, msg, after);
}

/**
 * mbox_restore - send a message that has been in a mailbox before
 * @box:	the mailbox
 * @msg:	the message, filled, with an extra that says what has become of it; not
 *		the caller's any more, whatever is returned
 * @dead:	whether it is dead
 *
 * Never waits.
 *
 * Context: may sleep; no lock held.
 * Return: as mbox_send(); -ENOMEM.
 */
int mbox_restore(struct mbox *box, struct mbox_msg *msg, bool dead)
{
	s64 timeout = 0;
	struct mbox_after after;
	int ret;

	if (!dead)
		return mbox_send(box, msg, MBOX_NONBLOCK, &timeout);
	ret = mbox_need_leases(box, MBOX_GFP);
	if (!ret) {
		mbox_lock(box, &after);
		ret = __mbox_try_send(box, msg, MBOX_NONBLOCK, &after);
		if (!ret)
			__mbox_accept_dead(box, msg, &after);
		mbox_unlock(box, &after);
	}
	if (ret)
		mbox_msg_put(box->pool, msg);
	return ret;
}

/**
 * mbox_give_up - who was to make its message again has done so, or will not
 * @box:	the mailbox whose mbox_send() had returned MBOX_AGAIN
 *
 * So it is the next one's turn, and the place is free.
 *
 * Context: may sleep; no lock held.
 */
void mbox_give_up(struct mbox *box)
{
	struct mbox_after after;

	mbox_sent(box);
	mbox_lock(box, &after);
	mbox_unlock(box, &after);
}
