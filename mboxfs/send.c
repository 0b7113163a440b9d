// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: room, waiting for it, and what becomes of those who wait.
 *
 * The locking rules are in queue.h. "__" means that the lock is held.
 */
#include "engine.h"

#include <linux/kernel.h>
#include <linux/timekeeping.h>

#include "trace.h"

static u64 __mbox_max_length(const struct mbox *box)
{
	return min3(__mbox_limit(box, MBOX_MAX_MESSAGE_SIZE),
		    __mbox_limit(box, MBOX_MAX_BYTES),
		    (u64)MBOXFS_MESSAGE_MAX);
}

/* Whether a message fits beside so many others. */
static bool __mbox_fits_beside(const struct mbox *box, u64 messages, u64 bytes,
			       u64 len)
{
	u64 max_bytes = __mbox_limit(box, MBOX_MAX_BYTES);

	/* More than the limits may be queued, from before they were lowered. */
	return messages < __mbox_limit(box, MBOX_MAX_MESSAGES) &&
	       len <= max_bytes && bytes <= max_bytes - len;
}

static bool __mbox_fits(const struct mbox *box, u64 len)
{
	return __mbox_fits_beside(box,
				  box->held.messages + box->delayed.messages,
				  box->held.bytes + box->delayed.bytes, len);
}

/**
 * __mbox_writable - what EPOLLOUT means
 * @box:	the mailbox
 *
 * Context: lock held.
 * Return: whether no sender of any legal message would have to wait.
 */
bool __mbox_writable(const struct mbox *box)
{
	if (__mbox_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_DROP_OLDEST)
		return true;
	return list_empty(&box->writers) &&
	       __mbox_fits(box, __mbox_max_length(box));
}

/* When a message that is sent now is due; 0: at once. */
static u64 __mbox_due(const struct mbox *box, const struct mbox_msg *msg)
{
	u64 delay = msg->time;

	if (likely(delay == MBOX_DELAY_DEFAULT))
		delay = __mbox_limit(box, MBOX_SEND_DELAY_MS) * NSEC_PER_MSEC;
	if (likely(!delay))
		return 0;
	/* Beyond what a clock can show is for ever. */
	delay = min_t(u64, delay, KTIME_MAX / 2);
	return ktime_get_boottime_ns() + delay;
}

static void __mbox_accept(struct mbox *box, struct mbox_msg *msg,
			  struct mbox_after *after)
{
	u64 due = __mbox_due(box, msg);

	msg->seq = ++box->sent_total;
	msg->sent = ktime_get_real_ns();
	trace_mboxfs_send(box, msg);
	if (unlikely(due))
		__mbox_delay(box, msg, due);
	else
		__mbox_publish(box, msg, 0, after);
}

/**
 * mbox_cancel_sender - who waits for a message learns that it goes unread
 * @msg:	the message
 * @after:	of this step
 *
 * Context: lock of its mailbox held.
 */
void mbox_cancel_sender(struct mbox_msg *msg, struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra ? msg->extra->sender : NULL;

	if (likely(!sender))
		return;
	msg->extra->sender = NULL;
	sender->msg = NULL;
	__mbox_end_wait(sender, -ECANCELED, after);
}

/**
 * __mbox_withdraw - a sender takes the message back that it waits for
 * @box:	the mailbox
 * @sender:	who waits; its message is its own again
 *
 * Context: lock held.
 * Return: false if the message is being copied.
 */
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender)
{
	struct mbox_msg *msg = sender->msg;

	switch (msg->state) {
	case MBOX_MSG_DELAYED:
		__mbox_undelay(box, msg);
		break;
	case MBOX_MSG_STORED:
		__mbox_unstore(box, msg);
		mbox_sum_sub(&box->held, msg);
		break;
	default:
		return false;
	}
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	trace_mboxfs_revoke(box, 1);
	return true;
}

/*
 * Make room for @msg by dropping older messages, if that can make enough: none
 * of a higher priority, none that are delayed or being copied.
 *
 * Return: 0, -ENOSPC if it cannot (nothing is dropped then), or -EAGAIN after
 * a batch, to go on in another step.
 */
static int __mbox_drop_oldest(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_after *after)
{
	unsigned int batch = MBOX_BATCH;
	struct mbox_sum stay = box->copying;
	struct mbox_msg *worst;

	mbox_store_above(&box->store, msg->priority, &stay);
	if (!__mbox_fits_beside(box, stay.messages + box->delayed.messages,
				stay.bytes + box->delayed.bytes, msg->len))
		return -ENOSPC;
	while (!__mbox_fits(box, msg->len)) {
		if (!batch--)
			return -EAGAIN;
		worst = mbox_store_worst(&box->store);
		trace_mboxfs_drop(box, worst);
		__mbox_discard(box, worst, after);
		box->dropped_total++;
	}
	return 0;
}

/*
 * Whether @msg can be taken now, after making room if that is the policy.
 *
 * Return: 0, -EAGAIN if it would have to wait, or the error for its sender.
 */
static int __mbox_make_room(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
{
	if (unlikely(msg->len > __mbox_max_length(box)))
		return -EMSGSIZE;
	if (likely(__mbox_fits(box, msg->len)))
		return 0;
	switch (__mbox_limit(box, MBOX_WHEN_FULL)) {
	case MBOXFS_WHEN_FULL_FAIL:
		return -ENOSPC;
	case MBOXFS_WHEN_FULL_DROP_OLDEST:
		return __mbox_drop_oldest(box, msg, after);
	default:
		return -EAGAIN;
	}
}

/* A message is known by who waits for it; see MBOX_RENDEZVOUS. */
static void __mbox_meet(struct mbox *box, struct mbox_waiter *sender)
{
	__mbox_queue(&box->rendezvous, &box->writers_waiting, sender);
	sender->msg->extra->sender = sender;
}

/**
 * __mbox_admit - let waiting writers in
 * @box:	the mailbox
 * @after:	of this step
 *
 * In order, as long as the first one fits; see MBOX_FAIR.
 *
 * Context: lock held.
 */
void __mbox_admit(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *writer;
	struct mbox_msg *msg;
	int ret;

	while (!list_empty(&box->writers)) {
		writer = list_first_entry(&box->writers, struct mbox_waiter,
					  node);
		msg = writer->msg;
		ret = __mbox_make_room(box, msg, after);
		if (ret == -EAGAIN)
			break;
		if (!ret && writer->sync) {
			/* It goes on waiting, for another thing. */
			list_move_tail(&writer->node, &box->rendezvous);
			msg->extra->sender = writer;
			__mbox_accept(box, msg, after);
			continue;
		}
		if (!ret) {
			writer->msg = NULL;
			__mbox_accept(box, msg, after);
		}
		__mbox_end_wait(writer, ret, after);
	}
}

/**
 * mbox_new_msg - make a message to send to a mailbox
 * @box:	the mailbox
 * @len:	bytes of its body
 * @priority:	its priority
 * @flags:	as for mbox_send()
 * @gfp:	whether this may sleep
 *
 * Return: as mbox_msg_alloc().
 */
struct mbox_msg *mbox_new_msg(struct mbox *box, size_t len, u16 priority,
			      unsigned int flags, gfp_t gfp)
{
	u32 ttl_ms = mbox_get_limit(box, MBOX_TTL_MS);
	bool extra = priority || ttl_ms || (flags & MBOX_SYNC);
	struct mbox_msg *msg;

	msg = mbox_msg_alloc(box->pool, len, extra, gfp);
	if (!IS_ERR(msg)) {
		msg->priority = priority;
		msg->ttl_ms = ttl_ms;
	}
	return msg;
}

/**
 * mbox_check_send - whether it is worth making a message
 * @box:	the mailbox
 * @len:	bytes of its body
 * @flags:	as for mbox_send()
 *
 * To be asked before a message is allocated. Takes no lock: mbox_send() will
 * look again, so all that this says is what was so a moment ago.
 *
 * Return: 0; -EMSGSIZE; -EAGAIN if it would have to wait but may not.
 */
int mbox_check_send(struct mbox *box, u64 len, unsigned int flags)
{
	if (len > MBOXFS_MESSAGE_MAX ||
	    len > mbox_get_limit(box, MBOX_MAX_MESSAGE_SIZE) ||
	    len > mbox_get_limit(box, MBOX_MAX_BYTES))
		return -EMSGSIZE;
	if ((flags & MBOX_NONBLOCK) && !READ_ONCE(box->stopped) &&
	    mbox_get_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_BLOCK &&
	    !mbox_get_limit(box, MBOX_TTL_MS) &&
	    READ_ONCE(box->held.messages) >=
		    mbox_get_limit(box, MBOX_MAX_MESSAGES))
		return -EAGAIN;
	return 0;
}

/* Whether @msg can be sent now; as __mbox_make_room(). */
static int __mbox_try_send(struct mbox *box, struct mbox_msg *msg,
			   unsigned int flags, struct mbox_after *after)
{
	int ret;

	if (unlikely(box->stopped))
		return -ESHUTDOWN;
	if (unlikely(!list_empty(&box->writers)))
		return -EAGAIN; /* see MBOX_FAIR */
	ret = __mbox_make_room(box, msg, after);
	if (unlikely(ret))
		trace_mboxfs_limit(box, msg->len, msg->priority, ret);
	/* Without waiting, one can only meet who is there already. */
	if (!ret && (flags & MBOX_SYNC) && (flags & MBOX_NONBLOCK) &&
	    (__mbox_due(box, msg) || !__mbox_wanted(box, msg)))
		return -EAGAIN;
	return ret;
}

/* Wait with a message in a queue; the lock is dropped. */
static int mbox_send_wait(struct mbox *box, struct mbox_after *after,
			  struct mbox_waiter *waiter, s64 timeout)
	__releases(&box->lock)
{
	int ret = mbox_wait(box, after, waiter, timeout);

	/* What is still the sender's has not been sent. */
	if (waiter->msg)
		mbox_msg_put(box->pool, waiter->msg);
	return ret;
}

/**
 * mbox_send - send a message
 * @box:	the mailbox
 * @msg:	the message, filled; not the caller's any more, whatever is returned
 * @flags:	MBOX_NONBLOCK, MBOX_SYNC (@msg has an extra then)
 * @timeout:	ns to wait at most, or MBOX_FOREVER
 *
 * Context: may sleep; no lock held.
 * Return: 0; -EMSGSIZE; -ENOSPC if there is no room and when_full is not
 * "block"; -EAGAIN if it would have to wait but may not; -ESHUTDOWN if the
 * mailbox is stopped, or has been while this waited; with MBOX_SYNC -ECANCELED
 * if it went unread; -ETIMEDOUT; -ERESTARTSYS or, with a timeout, -EINTR.
 */
int mbox_send(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
	      s64 timeout)
{
	struct mbox_waiter waiter;
	struct mbox_after after;
	bool dropping;
	int ret;

	do {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		ret = __mbox_try_send(box, msg, flags, &after);
		dropping = ret == -EAGAIN && !list_empty(&after.garbage) &&
			   __mbox_limit(box, MBOX_WHEN_FULL) ==
				   MBOXFS_WHEN_FULL_DROP_OLDEST;
		if (likely(!ret && !(flags & MBOX_SYNC))) {
			__mbox_accept(box, msg, &after);
			mbox_unlock(box, &after);
			return 0;
		}
		if (!dropping && (!ret || (ret == -EAGAIN &&
					   !(flags & MBOX_NONBLOCK)))) {
			waiter.msg = msg;
			waiter.sync = flags & MBOX_SYNC;
			waiter.leaving = flags & MBOX_NONBLOCK ? -EAGAIN : 0;
			trace_mboxfs_block(box, true, msg->len);
			if (ret) {
				__mbox_queue(&box->writers,
					     &box->writers_waiting, &waiter);
			} else {
				__mbox_meet(box, &waiter);
				__mbox_accept(box, msg, &after);
			}
			return mbox_send_wait(box, &after, &waiter, timeout);
		}
		mbox_unlock(box, &after);
	} while (unlikely(dropping));
	mbox_msg_put(box->pool, msg);
	return ret;
}

/* Send as many as can be sent now; *@err says why it was not more. */
static int mbox_send_some(struct mbox *box, struct list_head *msgs,
			  unsigned int flags, int *err)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	int done = 0;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	while (!list_empty(msgs)) {
		msg = list_first_entry(msgs, struct mbox_msg, node);
		*err = __mbox_try_send(box, msg, flags, &after);
		if (*err)
			break;
		list_del(&msg->node);
		__mbox_accept(box, msg, &after);
		done++;
	}
	mbox_unlock(box, &after);
	return done;
}

/**
 * mbox_send_batch - send several messages in one step
 * @box:	the mailbox
 * @msgs:	linked by their @node; empty afterwards
 * @flags:	MBOX_NONBLOCK
 * @timeout:	ns to wait at most for the first one, or MBOX_FOREVER
 *
 * Context: may sleep; no lock held.
 * Return: how many have been sent, or the error of the first one.
 */
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 timeout)
{
	struct mbox_msg *first;
	int err = 0, done;

	done = mbox_send_some(box, msgs, flags, &err);
	if (!done && err == -EAGAIN) {
		first = list_first_entry(msgs, struct mbox_msg, node);
		list_del(&first->node);
		err = mbox_send(box, first, flags, timeout);
		if (!err)
			done = 1 + mbox_send_some(box, msgs, flags, &err);
	}
	mbox_msg_put_list(box->pool, msgs);
	return done ? done : err;
}
