// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: room, waiting for it, and what becomes of those who wait.
 *
 * The locking rules are in queue.h. "__" means that the lock is held.
 */
#include "quick.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

/*
 * How long a sender who may not wait waits for the reader who has been waiting
 * for it to copy its message, ns: far longer than that takes, unless the reader
 * cannot go on.
 */
#define MBOX_GRACE	NSEC_PER_SEC

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
				  __mbox_used(box), len);
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
	return !__mbox_writers_wait(box) &&
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

	__mbox_stamp(box, msg, ktime_get_real_ns());
	after->event = true;
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
	mbox_end_wait(sender, -ECANCELED, after);
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

/* A group does not allow something, but its holders might; see MBOX_CEILING. */
static void mbox_note_full(struct mbox_after *after, struct mbox_group *full)
{
	after->more = true;
	if (!after->full)
		after->full = full;
	else
		mbox_group_put(full);
}

/* Reserve what is needed to use so many bytes; 0 or -EDQUOT. */
static int __mbox_reserve(struct mbox *box, u64 need, struct mbox_after *after)
{
	struct mbox_group *full;
	int ret;

	if (likely(need <= box->account.reserved))
		return 0;
	ret = mbox_account_reserve(&box->account, need, &full);
	if (ret)
		mbox_note_full(after, full);
	return ret;
}

/* Whether it makes sense to wait for room: a ceiling is not waited for. */
static int __mbox_may_wait(struct mbox *box, u64 len, struct mbox_after *after)
{
	struct mbox_group *full;
	int ret;

	ret = mbox_account_check(&box->account, __mbox_used(box) + len, &full);
	if (ret)
		mbox_note_full(after, full);
	return ret;
}

/*
 * What has to go until @msg fits: the worst ones, but none of a higher priority.
 * *@bytes is what these are, or a batch of them.
 *
 * Return: 0; -ENOSPC if it does not fit even then; -EAGAIN if a batch of them
 * is not enough.
 */
static int __mbox_plan_drop(struct mbox *box, const struct mbox_msg *msg,
			    u64 *bytes)
{
	struct mbox_msg *worst = mbox_store_worst(&box->store);
	u64 messages = box->held.messages + box->delayed.messages;
	u64 used = __mbox_used(box);
	unsigned int batch = MBOX_BATCH;

	*bytes = 0;
	while (!__mbox_fits_beside(box, messages, used - *bytes, msg->len)) {
		if (!worst || worst->priority > msg->priority)
			return -ENOSPC;
		if (!batch--)
			return -EAGAIN;
		messages--;
		*bytes += worst->len;
		worst = mbox_store_less_bad(&box->store, worst);
	}
	return 0;
}

/* Whether @msg fits beside those that stay whatever is dropped for it. */
static bool __mbox_can_fit(struct mbox *box, const struct mbox_msg *msg)
{
	struct mbox_sum stay = box->copying;

	mbox_store_above(&box->store, msg->priority, &stay);
	return __mbox_fits_beside(box, stay.messages + box->delayed.messages,
				  stay.bytes + box->delayed.bytes, msg->len);
}

/*
 * Make room for @msg by dropping older messages, if that can make enough: none
 * of a higher priority, none that are delayed or being copied. What it needs
 * of the ceilings is reserved; what is going to be dropped makes room there,
 * too.
 *
 * Return: 0, -ENOSPC or -EDQUOT if it cannot (nothing is dropped then), or
 * -EAGAIN after a batch, to go on in another step.
 */
static int __mbox_drop_oldest(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_after *after)
{
	u64 used = __mbox_used(box) + msg->len, bytes;
	struct mbox_msg *worst;
	int plan, ret;

	plan = __mbox_plan_drop(box, msg, &bytes);
	if (plan == -ENOSPC || (plan == -EAGAIN && !__mbox_can_fit(box, msg)))
		return -ENOSPC;
	ret = __mbox_reserve(box, used, after);
	if (ret)
		ret = __mbox_reserve(box, used - bytes, after);
	if (ret)
		return ret;
	while (!__mbox_fits(box, msg->len)) {
		if (__mbox_step_full(after))
			return -EAGAIN;
		after->visits++;
		worst = mbox_store_worst(&box->store);
		trace_mboxfs_drop(box, worst);
		__mbox_discard(box, worst, after);
		box->dropped_total++;
	}
	return 0;
}

/*
 * Whether @msg can be taken now, after making room if that is the policy. What
 * it needs of the ceilings is reserved then.
 *
 * Return: 0, -EAGAIN if it would have to wait, or the error for its sender.
 */
static int __mbox_make_room(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
{
	if (unlikely(msg->len > __mbox_max_length(box)))
		return -EMSGSIZE;
	if (likely(__mbox_fits(box, msg->len)))
		return __mbox_reserve(box, __mbox_used(box) + msg->len, after);
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
	mbox_waiter_begin(sender, &box->writers_waiting);
	list_add_tail(&sender->node, &box->rendezvous);
	sender->stops = box->stops;
	sender->msg->extra->sender = sender;
}

/* Whether a message may wait, along with those that do so already. */
static bool __mbox_may_bring(const struct mbox *box, u32 len)
{
	u64 bytes = box->waiting_bytes, max = __mbox_limit(box, MBOX_MAX_BYTES);

	return !bytes || (bytes <= max && len <= max - bytes);
}

/**
 * __mbox_leave_writers - someone is going to wait for room no more
 * @box:	the mailbox
 * @writer:	who is in @writers, or in @lobby without a message
 *
 * Context: lock held.
 */
void __mbox_leave_writers(struct mbox *box, const struct mbox_waiter *writer)
{
	if (writer->msg)
		box->waiting_bytes -= writer->msg->len;
}

/**
 * __mbox_call_in - the next one who waits without a message may bring it
 * @box:	the mailbox
 * @after:	of this step
 *
 * One for each step: it makes one itself when it comes back, or gives up.
 *
 * Context: lock held.
 * Return: true: that is all.
 */
bool __mbox_call_in(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *next;

	next = list_first_entry_or_null(&box->lobby, struct mbox_waiter, node);
	if (unlikely(next) && __mbox_may_bring(box, next->len))
		mbox_end_wait(next, MBOX_AGAIN, after);
	return true;
}

/* Take the message of a writer who has waited, and let him go. */
static void __mbox_let_in(struct mbox *box, struct mbox_waiter *writer,
			  struct mbox_after *after)
{
	struct mbox_msg *msg = writer->msg;

	__mbox_leave_writers(box, writer);
	if (writer->sync) {
		/* He goes on waiting, for another thing. */
		list_move_tail(&writer->node, &box->rendezvous);
		writer->stops = box->stops;
		msg->extra->sender = writer;
	} else {
		writer->msg = NULL;
		mbox_end_wait(writer, 0, after);
	}
	__mbox_accept(box, msg, after);
}

/**
 * __mbox_admit - let waiting writers in
 * @box:	the mailbox
 * @after:	of this step
 *
 * In order, as long as the first one fits; see MBOX_FAIR.
 *
 * Context: lock held.
 * Return: whether that is all; if not, the step is full.
 */
bool __mbox_admit(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *writer;
	int ret;

	while (!list_empty(&box->writers)) {
		if (__mbox_step_full(after))
			return false;
		writer = list_first_entry(&box->writers, struct mbox_waiter,
					  node);
		ret = __mbox_make_room(box, writer->msg, after);
		if (ret == -EDQUOT && after->full)
			break;
		if (ret == -EAGAIN)
			return !__mbox_step_full(after);
		if (!ret) {
			__mbox_let_in(box, writer, after);
			continue;
		}
		__mbox_leave_writers(box, writer);
		mbox_end_wait(writer, ret, after);
	}
	return true;
}

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
		__mbox_accept(box, msg, after);
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
int mbox_send_slow(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
		   s64 *timeout)
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
			__mbox_accept(box, msg, &after);
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

/* Send as many as can be sent now; *@err says why it was not more. */
static int mbox_send_some(struct mbox *box, struct list_head *msgs,
			  unsigned int flags, int *err)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	int done = 0;
	u64 now = 0;
	bool again;

	spin_lock(&box->lock);
	while (!list_empty(msgs)) {
		msg = list_first_entry(msgs, struct mbox_msg, node);
		list_del(&msg->node);
		if (!__mbox_send_quickly(box, msg, &now)) {
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
			__mbox_accept(box, msg, &after);
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
