// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving where more is to be thought of: searching, waiting, several messages,
 * those that come back. "__" means that the mailbox's lock is held.
 */
#include "receive.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "outcome.h"
#include "search.h"
#include "step.h"

/* In mbox->turn: someone searches, see MBOX_SEARCH. */
#define MBOX_SEARCHES	0

/* Take the next message for a reader, or say why there is none. */
static struct mbox_msg *__mbox_take(struct mbox *box,
				    struct mbox_search *search,
				    struct mbox_after *after)
{
	struct mbox_want *want = search->want;
	struct mbox_msg *msg;

	if (likely(!(want->flags & (MBOX_FROM | MBOX_TAGGED))))
		msg = mbox_store_first(&box->store);
	else
		msg = __mbox_search(box, search, after);
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
	if ((want->flags & MBOX_EOF) && __mbox_empty_is_end(box))
		return ERR_PTR(-ENODATA);
	return ERR_PTR(-EAGAIN);
}

/* The next one who wants to may search. */
static void mbox_end_turn(struct mbox *box)
{
	clear_and_wake_up_bit(MBOX_SEARCHES, &box->turn);
}

/* Wait for a message; the lock is dropped. */
static struct mbox_msg *mbox_receive_queue(struct mbox *box,
					   struct mbox_after *after,
					   struct mbox_want *want, bool turn)
	__releases(&box->lock)
{
	struct mbox_waiter waiter = { .box = box, .want = want };
	int ret;

	trace_mboxfs_block(box, false, want->room);
	mbox_waiter_resume(&waiter, &box->readers, want->timeout);
	mbox_readers_add(&box->readers, &waiter);
	mbox_unlock(box, after);
	if (unlikely(turn))
		mbox_end_turn(box);
	ret = mbox_wait(&waiter, &want->timeout, mbox_leave);
	if (ret == -EMSGSIZE)
		want->len = waiter.len;
	return ret ? ERR_PTR(ret) : waiter.msg;
}

/* End a look for a message: take what there is, or wait. The lock is dropped. */
static struct mbox_msg *mbox_receive_end(struct mbox *box,
					 struct mbox_after *after,
					 struct mbox_want *want,
					 struct mbox_msg *msg, bool turn)
	__releases(&box->lock)
{
	if (msg == ERR_PTR(-EAGAIN) && !(want->flags & MBOX_NONBLOCK))
		return mbox_receive_queue(box, after, want, turn);
	mbox_unlock(box, after);
	if (unlikely(turn))
		mbox_end_turn(box);
	return msg;
}

static int mbox_interrupted(const struct mbox_want *want)
{
	return want->timeout < 0 ? -ERESTARTSYS : -EINTR;
}

/* A long search, to its end; the lock is held then. */
static struct mbox_msg *mbox_search_long(struct mbox *box,
					 struct mbox_search *search,
					 struct mbox_after *after)
	__acquires(&box->lock)
{
	struct mbox_msg *msg;

	mbox_lock(box, after);
	__mbox_begin_search(box, search->want, search);
	box->search = search;
	for (;;) {
		__mbox_catch_up(box, after);
		msg = search->found;
		if (!msg)
			msg = __mbox_take(box, search, after);
		if (msg != ERR_PTR(-EINPROGRESS))
			break;
		if (signal_pending(current)) {
			msg = ERR_PTR(mbox_interrupted(search->want));
			break;
		}
		mbox_unlock(box, after);
		cond_resched();
		mbox_lock(box, after);
	}
	box->search = NULL;
	return msg;
}

/* mbox_receive() where a look at a thousand messages was not enough. */
static struct mbox_msg *mbox_receive_search(struct mbox *box,
					    struct mbox_want *want)
{
	struct mbox_search search = { .want = want };
	struct mbox_after after;
	struct mbox_msg *msg;

	if (wait_on_bit_lock(&box->turn, MBOX_SEARCHES, TASK_INTERRUPTIBLE))
		return ERR_PTR(mbox_interrupted(want));
	msg = mbox_search_long(box, &search, &after);
	return mbox_receive_end(box, &after, want, msg, true);
}

/*
 * mbox_receive() where there is no message, or where it has to be looked for.
 * The lock is dropped.
 */
struct mbox_msg *mbox_receive_slow(struct mbox *box, struct mbox_want *want)
	__releases(&box->lock)
{
	struct mbox_search search;
	struct mbox_after after;
	struct mbox_msg *msg;

	__mbox_begin(box, &after);
	__mbox_catch_up(box, &after);
	__mbox_begin_search(box, want, &search);
	msg = __mbox_take(box, &search, &after);
	if (likely(msg != ERR_PTR(-EINPROGRESS)))
		return mbox_receive_end(box, &after, want, msg, false);
	mbox_unlock(box, &after);
	return mbox_receive_search(box, want);
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
	struct mbox_search search;
	struct mbox_after after;
	int n = 0;

	spin_lock(&box->lock);
	if (likely(!(want->flags & MBOX_CHOOSY)))
		while (n < count && (msgs[n] = __mbox_take_quickly(box, want))) {
			want->flags &= ~MBOX_WHOLE;
			n++;
		}
	if (likely(n)) {
		spin_unlock(&box->lock);
		return n;
	}
	msgs[0] = mbox_receive_slow(box, want);
	if (IS_ERR(msgs[0]))
		return PTR_ERR(msgs[0]);
	want->flags &= ~MBOX_WHOLE;
	mbox_lock(box, &after);
	__mbox_begin_search(box, want, &search);
	for (n = 1; n < count; n++) {
		msgs[n] = __mbox_take(box, &search, &after);
		if (IS_ERR(msgs[n]))
			break;
	}
	mbox_unlock(box, &after);
	return n;
}

/**
 * mbox_forget_senders - what is going to be kept need not know its sender
 * @msgs:	messages that have been copied out
 * @count:	how many
 *
 * Context: no lock held.
 */
void mbox_forget_senders(struct mbox_msg **msgs, int count)
{
	int i;

	for (i = 0; i < count; i++)
		mbox_msg_forget_sender(msgs[i]);
}

/*
 * A message has been received and could not be kept; the lock is dropped. If that
 * was for its sender, whom only who peeks may still ask for, it can be now.
 */
void mbox_let_go(struct mbox *box, struct mbox_msg *msg)
	__releases(&box->lock)
{
	struct pid *pid = mbox_msg_sender_pid(msg);
	bool kept = false;

	if (pid && refcount_read(&msg->refs) == 1) {
		msg->sender = 1;
		kept = __mbox_keep(box, msg);
	} else {
		pid = NULL;
	}
	spin_unlock(&box->lock);
	if (!kept)
		mbox_msg_put(box->pool, msg);
	put_pid(pid);
}

/**
 * mbox_free_gone - free messages that have been received and could not be kept
 * @box:	the mailbox
 * @gone:	the first of them, from __mbox_receive_now(), or NULL
 *
 * Context: may sleep; no lock held.
 */
void mbox_free_gone(struct mbox *box, struct mbox_msg *gone)
{
	struct mbox_msg *next;

	for (; gone; gone = next) {
		next = gone->next_spare;
		mbox_msg_put(box->pool, gone);
	}
}

/* mbox_consume() where more is to be thought of; the lock is dropped. */
void mbox_consume_slow(struct mbox *box, struct mbox_msg **msgs, int count)
	__releases(&box->lock)
{
	struct mbox_after after;
	int i;

	__mbox_begin(box, &after);
	for (i = 0; i < count; i++) {
		mbox_sum_sub(&box->copying, msgs[i]);
		mbox_sum_sub(&box->held, msgs[i]);
		msgs[i]->state = MBOX_MSG_OUTSIDE;
		trace_mboxfs_recv(box, msgs[i]);
		if (unlikely(msgs[i]->extra))
			mbox_tell_sender(msgs[i], 0, &after);
		if (unlikely(!__mbox_keep(box, msgs[i])))
			mbox_after_put(&after, msgs[i]);
	}
	box->received_total += count;
	mbox_unlock(box, &after);
}

/*
 * A message cannot come back to its place without an extra: it gets one, or the
 * place in front of all others. The lock is let go meanwhile.
 */
static void mbox_make_place(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
	__must_hold(&box->lock)
{
	struct mbox_extra *extra;

	mbox_unlock(box, after);
	extra = mbox_extra_alloc(MBOX_GFP);
	mbox_lock(box, after);
	if (extra) {
		msg->extra = extra;
		WRITE_ONCE(msg->units, msg->units | MBOX_MSG_LENT);
	} else if (mbox_store_needs_extra(&box->store, msg)) {
		mbox_store_to_front(&box->store, msg);
	}
}

/**
 * mbox_return - messages could not be copied out
 * @box:	the mailbox
 * @msgs:	from mbox_receive(); belong to the mailbox from now on
 * @count:	how many
 *
 * They are the next ones again, or go if the mailbox has been purged meanwhile.
 *
 * Context: may sleep; no lock held.
 */
void mbox_return(struct mbox *box, struct mbox_msg **msgs, int count)
{
	struct mbox_after after;
	int i;

	mbox_lock(box, &after);
	for (i = 0; i < count; i++) {
		if (__mbox_step_full(&after)) {
			mbox_unlock(box, &after);
			mbox_lock(box, &after);
		}
		if (unlikely(mbox_store_needs_extra(&box->store, msgs[i])))
			mbox_make_place(box, msgs[i], &after);
		mbox_sum_sub(&box->copying, msgs[i]);
		__mbox_put_back(box, msgs[i], &after);
	}
	mbox_unlock(box, &after);
}

/**
 * mbox_truncated - a reader has lost bytes of a message
 * @box:	the mailbox
 * @msg:	from mbox_receive()
 *
 * Nobody waits for that, so it is no step.
 *
 * Context: no lock held.
 */
void mbox_truncated(struct mbox *box, const struct mbox_msg *msg)
{
	spin_lock(&box->lock);
	box->truncated_total++;
	trace_mboxfs_truncate(box, msg);
	spin_unlock(&box->lock);
}
