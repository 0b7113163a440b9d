// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: which message, waiting for it, and the end of its copying.
 *
 * The locking rules are in queue.h. "__" means that the lock is held.
 */
#include "quick.h"

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>

#define MBOX_SPIN_MAX	1000U	/* us */

static unsigned int mbox_spin_us = 20;
module_param_named(spin_us, mbox_spin_us, uint, 0644);
MODULE_PARM_DESC(spin_us,
		 "microseconds that a reader stays awake for the next message of a busy mailbox (default: 20, most: 1000)");

static bool mbox_matches(const struct mbox_msg *msg,
			 const struct mbox_want *want)
{
	if ((want->flags & MBOX_TAGGED) && msg->tag != want->tag)
		return false;
	return !(want->flags & MBOX_FROM) ||
	       mbox_msg_sender(msg, want->ns) == want->sender;
}

static bool mbox_too_long(const struct mbox_msg *msg,
			  const struct mbox_want *want)
{
	return (want->flags & MBOX_WHOLE) && msg->len > want->room;
}

/**
 * __mbox_hand_over - give a message to those who wait and want it
 * @box:	the mailbox
 * @msg:	the message, published
 * @after:	of this step
 *
 * Context: lock held.
 * Return: whether one has taken it.
 */
bool __mbox_hand_over(struct mbox *box, struct mbox_msg *msg,
		      struct mbox_after *after)
{
	struct mbox_waiter *reader, *next;

	list_for_each_entry_safe(reader, next, &box->readers, node) {
		if (!mbox_matches(msg, reader->want))
			continue;
		if (mbox_too_long(msg, reader->want)) {
			reader->msg = NULL;
			reader->len = msg->len;
			__mbox_end_wait(reader, -EMSGSIZE, after);
			continue;
		}
		reader->msg = msg;
		__mbox_end_wait(reader, 0, after);
		if (reader->want->flags & MBOX_PEEK) {
			refcount_inc(&msg->refs);
			continue;
		}
		__mbox_begin_copy(box, msg);
		return true;
	}
	return false;
}

/**
 * __mbox_wanted - whether someone waits who would take a message
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 */
bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg)
{
	struct mbox_waiter *reader;

	list_for_each_entry(reader, &box->readers, node)
		if (!(reader->want->flags & MBOX_PEEK) &&
		    mbox_matches(msg, reader->want) &&
		    !mbox_too_long(msg, reader->want))
			return true;
	return false;
}

/**
 * struct mbox_search - how far a search has come
 * @from:	the last message that was not wanted, or NULL
 * @batch:	how many more to look at with the lock held
 */
struct mbox_search {
	struct mbox_msg	*from;
	unsigned int	batch;
};

/*
 * Look for a message that is wanted.
 *
 * Return: the message; NULL if there is none; -EINPROGRESS after a batch.
 */
static struct mbox_msg *__mbox_search(struct mbox *box,
				      const struct mbox_want *want,
				      struct mbox_search *search)
{
	struct mbox_msg *msg = search->from;

	while ((msg = mbox_store_next(&box->store, msg))) {
		if (mbox_matches(msg, want))
			return msg;
		search->from = msg;
		if (!--search->batch)
			return ERR_PTR(-EINPROGRESS);
	}
	return NULL;
}

/* Take the next message for a reader, or say why there is none. */
static struct mbox_msg *__mbox_take(struct mbox *box, struct mbox_want *want,
				    struct mbox_search *search)
{
	struct mbox_msg *msg;

	if (likely(!(want->flags & (MBOX_FROM | MBOX_TAGGED))))
		msg = mbox_store_first(&box->store);
	else
		msg = __mbox_search(box, want, search);
	if (IS_ERR(msg))
		return msg;
	if (likely(msg)) {
		if (unlikely(mbox_too_long(msg, want))) {
			want->len = msg->len;
			return ERR_PTR(-EMSGSIZE);
		}
		if (unlikely(want->flags & MBOX_PEEK)) {
			refcount_inc(&msg->refs);
			return msg;
		}
		__mbox_unstore(box, msg);
		__mbox_begin_copy(box, msg);
		return msg;
	}
	if (__mbox_over(box))
		return ERR_PTR(-ESHUTDOWN);
	if ((want->flags & MBOX_EOF) &&
	    __mbox_limit(box, MBOX_WHEN_EMPTY) == MBOXFS_WHEN_EMPTY_EOF)
		return ERR_PTR(-ENODATA);
	return ERR_PTR(-EAGAIN);
}

/*
 * A search goes on where it was, which is in the store still, unless messages
 * may have come in front of it.
 */
static bool __mbox_can_go_on(const struct mbox *box,
			     const struct mbox_msg *mark, u64 published)
{
	return mark->state == MBOX_MSG_STORED && mark->order > box->purged &&
	       (box->published == published ||
		RB_EMPTY_ROOT(&box->store.levels.rb_root));
}

/*
 * Whether the next message may be near: a reader has got more than the one it
 * was woken for since it fell asleep, and there is another processor to send.
 */
static bool __mbox_busy(const struct mbox *box)
{
	return (u32)box->received_total - READ_ONCE(box->slept_at) > 1 &&
	       num_online_cpus() > 1;
}

/*
 * Stay awake for a moment: to fall asleep and be woken takes as long as many
 * messages, most of all where the processor goes to sleep with its last task.
 * The reader is queued, so whoever sends sees no difference.
 *
 * Return: whether the wait is over.
 */
static bool mbox_spin(const struct mbox_waiter *waiter)
{
	unsigned int us = min(READ_ONCE(mbox_spin_us), MBOX_SPIN_MAX);
	u64 end = local_clock() + us * NSEC_PER_USEC;

	while (!need_resched() && local_clock() < end) {
		if (READ_ONCE(waiter->ended))
			return true;
		cpu_relax();
	}
	return false;
}

/* Wait for a message; the lock is dropped. */
static struct mbox_msg *mbox_receive_queue(struct mbox *box,
					   struct mbox_after *after,
					   struct mbox_want *want)
	__releases(&box->lock)
{
	struct mbox_waiter waiter = { .box = box, .want = want };
	u32 received = box->received_total;
	bool busy = __mbox_busy(box);
	int ret;

	trace_mboxfs_block(box, false, want->room);
	__mbox_queue(&box->readers, &box->readers_waiting, &waiter);
	mbox_unlock(box, after);
	if (!busy || !mbox_spin(&waiter))
		WRITE_ONCE(box->slept_at, received);
	ret = mbox_wait(&waiter, want->timeout, mbox_leave);
	if (ret == -EMSGSIZE)
		want->len = waiter.len;
	return ret ? ERR_PTR(ret) : waiter.msg;
}

/* Give up for a signal, between two parts of a long search. */
static struct mbox_msg *mbox_search_interrupted(const struct mbox_want *want)
{
	if (!signal_pending(current))
		return NULL;
	return ERR_PTR(want->timeout < 0 ? -ERESTARTSYS : -EINTR);
}

/*
 * mbox_receive() where there is no message, or where it has to be looked for.
 * The lock is dropped.
 */
struct mbox_msg *mbox_receive_slow(struct mbox *box, struct mbox_want *want)
	__releases(&box->lock)
{
	struct mbox_msg *msg, *mark = NULL;
	struct mbox_search search;
	struct mbox_after after;
	u64 published = 0;

	__mbox_begin_step(&after);
	for (;;) {
		__mbox_catch_up(box, &after);
		search = (struct mbox_search){ .batch = MBOX_BATCH };
		if (mark && __mbox_can_go_on(box, mark, published))
			search.from = mark;
		msg = __mbox_take(box, want, &search);
		if (likely(msg != ERR_PTR(-EINPROGRESS)))
			break;
		published = box->published;
		refcount_inc(&search.from->refs);
		mbox_unlock(box, &after);
		if (mark)
			mbox_msg_put(box->pool, mark);
		mark = search.from;
		msg = mbox_search_interrupted(want);
		if (msg)
			goto out;
		cond_resched();
		mbox_lock(box, &after);
	}
	if (msg == ERR_PTR(-EAGAIN) && !(want->flags & MBOX_NONBLOCK))
		msg = mbox_receive_queue(box, &after, want);
	else
		mbox_unlock(box, &after);
out:
	if (unlikely(mark))
		mbox_msg_put(box->pool, mark);
	return msg;
}

/**
 * mbox_receive_batch - take several messages, waiting for the first one only
 * @box:	the mailbox
 * @want:	what is wanted; not MBOX_PEEK; @room is that for the first one, the
 *		caller looks at those of the others
 * @msgs:	where to put them
 * @count:	how many at most
 *
 * Context: as mbox_receive().
 * Return: how many there are, or the error of the first one.
 */
int mbox_receive_batch(struct mbox *box, struct mbox_want *want,
		       struct mbox_msg **msgs, int count)
{
	struct mbox_search search = { .batch = MBOX_BATCH };
	struct mbox_after after;
	int n = 0;

	spin_lock(&box->lock);
	if (likely(!(want->flags & MBOX_CHOOSY)))
		while (n < count && (msgs[n] = __mbox_take_quickly(box)))
			n++;
	if (likely(n)) {
		spin_unlock(&box->lock);
		return n;
	}
	msgs[0] = mbox_receive_slow(box, want);
	if (IS_ERR(msgs[0]))
		return PTR_ERR(msgs[0]);
	want->flags &= ~MBOX_WHOLE;
	mbox_lock(box, &after);
	for (n = 1; n < count; n++) {
		msgs[n] = __mbox_take(box, want, &search);
		if (IS_ERR(msgs[n]))
			break;
	}
	mbox_unlock(box, &after);
	return n;
}

/* The first copy to a reader has succeeded: that is what its sender waits for. */
static void mbox_tell_sender(struct mbox_msg *msg, struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra->sender;

	if (!sender)
		return;
	msg->extra->sender = NULL;
	sender->msg = NULL;
	__mbox_end_wait(sender, 0, after);
}

/* mbox_consume() where more is to be thought of; the lock is dropped. */
void mbox_consume_slow(struct mbox *box, struct mbox_msg **msgs, int count)
	__releases(&box->lock)
{
	struct mbox_after after;
	int i;

	__mbox_begin_step(&after);
	for (i = 0; i < count; i++) {
		mbox_sum_sub(&box->copying, msgs[i]);
		mbox_sum_sub(&box->held, msgs[i]);
		msgs[i]->state = MBOX_MSG_OUTSIDE;
		trace_mboxfs_recv(box, msgs[i]);
		if (unlikely(msgs[i]->extra))
			mbox_tell_sender(msgs[i], &after);
		if (unlikely(!__mbox_keep(box, msgs[i])))
			mbox_after_put(&after, msgs[i]);
	}
	box->received_total += count;
	__mbox_settle(box, &after);
	mbox_unlock(box, &after);
}

/* A sender who had to leave while its message was copied can leave now. */
static bool __mbox_let_sender_leave(struct mbox *box, struct mbox_msg *msg,
				    struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra->sender;
	int why = sender ? sender->leaving : 0;

	if (sender && box->stopped)
		why = __mbox_refusal(box);
	if (!why)
		return false;
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	__mbox_end_wait(sender, why, after);
	return true;
}

/* Put a message back as the next one, or the next but @prev. */
static void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_msg *prev, struct mbox_after *after)
{
	if (msg->order <= box->purged) {
		__mbox_discard(box, msg, after);
		box->purged_total++;
		return;
	}
	if (unlikely(msg->extra)) {
		if (msg->extra->orphan) {
			__mbox_discard(box, msg, after);
			box->revoked_total++;
			return;
		}
		if (__mbox_let_sender_leave(box, msg, after))
			return;
	}
	if (__mbox_hand_over(box, msg, after))
		return;
	msg->state = MBOX_MSG_STORED;
	mbox_store_put_back(&box->store, msg, prev);
	if (unlikely(mbox_msg_ttl(msg)))
		__mbox_expire_at(box, msg);
	after->readable++;
	after->event = true;
}

/**
 * mbox_return - messages could not be copied out
 * @box:	the mailbox
 * @msgs:	from mbox_receive(); belong to the mailbox from now on
 * @count:	how many
 *
 * They are the next ones again, or go if the mailbox has been purged meanwhile.
 *
 * Context: no lock held.
 */
void mbox_return(struct mbox *box, struct mbox_msg **msgs, int count)
{
	struct mbox_msg *prev = NULL;
	struct mbox_after after;
	int i;

	mbox_lock(box, &after);
	for (i = 0; i < count; i++) {
		mbox_sum_sub(&box->copying, msgs[i]);
		__mbox_put_back(box, msgs[i], prev, &after);
		if (msgs[i]->state == MBOX_MSG_STORED)
			prev = msgs[i];
	}
	__mbox_settle(box, &after);
	mbox_unlock(box, &after);
}
