/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiving. What most messages need is inline, as a call costs as much as what that
 * does; see MBOX_QUICK in step.h. All else is in receive.c.
 */
#ifndef _MBOXFS_RECEIVE_H
#define _MBOXFS_RECEIVE_H

#include "mbox.h"
#include "place.h"
#include "room.h"
#include "spare.h"
#include "trace.h"

/* Called with the lock held, so that it is not taken twice. */
struct mbox_msg *mbox_receive_slow(struct mbox *box, struct mbox_want *want)
	__releases(&box->lock);
void mbox_forget_senders(struct mbox_msg **msgs, int count);
void mbox_consume_slow(struct mbox *box, struct mbox_msg **msgs, int count)
	__releases(&box->lock);
int mbox_receive_batch(struct mbox *box, struct mbox_want *want,
		       struct mbox_msg **msgs, int count);
void mbox_return(struct mbox *box, struct mbox_msg **msgs, int count);
void mbox_truncated(struct mbox *box, const struct mbox_msg *msg);

/**
 * mbox_received - the same of what has been received
 * @box:	the mailbox
 *
 * Context: no lock held.
 */
static inline void mbox_received(struct mbox *box)
{
	mbox_place_drop(&box->readers);
}

/* The first message, or NULL also if that is not easy; see MBOX_QUICK. */
static __always_inline struct mbox_msg *
__mbox_take_quickly(struct mbox *box, const struct mbox_want *want)
{
	struct mbox_msg *msg;

	if (unlikely(box->special))
		return NULL;
	msg = mbox_store_first(&box->store);
	if (unlikely(!msg))
		return NULL;
	if (unlikely(msg->len > want->room) && (want->flags & MBOX_WHOLE))
		return NULL;
	mbox_store_del(&box->store, msg);
	__mbox_begin_copy(box, msg);
	return msg;
}

/**
 * mbox_receive - take a message, to copy it out
 * @box:	the mailbox
 * @want:	what is wanted
 *
 * The caller copies what it wants out of the message and then calls
 * mbox_consume(), or mbox_return() if that failed; with MBOX_PEEK just
 * mbox_msg_put().
 *
 * Context: may sleep, if there is no message; no lock held.
 * Return: the message; -EAGAIN if it would have to wait but may not;
 * -EMSGSIZE, the message stays; -ENODATA for the end that when_empty asks for;
 * -ESHUTDOWN if the mailbox is stopped and drained; -ETIMEDOUT; and as
 * mbox_wait() if interrupted.
 */
static inline struct mbox_msg *mbox_receive(struct mbox *box,
					    struct mbox_want *want)
{
	struct mbox_msg *msg = NULL;

	spin_lock(&box->lock);
	if (likely(!(want->flags & MBOX_CHOOSY)))
		msg = __mbox_take_quickly(box, want);
	if (unlikely(!msg))
		return mbox_receive_slow(box, want);
	spin_unlock(&box->lock);
	return msg;
}

/* A message has been received that nobody else cares for; see MBOX_QUICK. */
static __always_inline bool __mbox_consume_quickly(struct mbox *box,
						   struct mbox_msg *msg)
{
	if (unlikely(box->special || (msg->extra && msg->extra->sender) ||
		     mbox_account_too_much(&box->account,
					   __mbox_used(box) - msg->len)))
		return false;
	if (unlikely(!__mbox_keep(box, msg)))
		return false;
	mbox_sum_sub(&box->copying, msg);
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	trace_mboxfs_recv(box, msg);
	box->received_total++;
	return true;
}

/**
 * mbox_consume - messages have been received
 * @box:	the mailbox
 * @msgs:	from mbox_receive(), whose reference is given back
 * @count:	how many
 *
 * Context: may sleep; no lock held.
 */
static inline void mbox_consume(struct mbox *box, struct mbox_msg **msgs,
				int count)
{
	int done = 0;

	/* Those of one batch are mostly of one sender. */
	if (unlikely(mbox_msg_sender_pid(msgs[0])))
		mbox_forget_senders(msgs, count);
	spin_lock(&box->lock);
	while (done < count && __mbox_consume_quickly(box, msgs[done]))
		done++;
	if (unlikely(done < count))
		mbox_consume_slow(box, msgs + done, count - done);
	else
		spin_unlock(&box->lock);
}

#endif /* _MBOXFS_RECEIVE_H */
