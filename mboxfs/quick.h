/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most messages need, see MBOX_QUICK in queue.h: inline, as a call costs as
 * much as what these do. All else is in send.c and receive.c.
 */
#ifndef _MBOXFS_QUICK_H
#define _MBOXFS_QUICK_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "engine.h"
#include "trace.h"

/* These are called with the lock held, so that it is not taken twice. */
int mbox_send_slow(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
		   s64 *timeout) __releases(&box->lock);
struct mbox_msg *mbox_receive_slow(struct mbox *box, struct mbox_want *want)
	__releases(&box->lock);
void mbox_forget_senders(struct mbox_msg **msgs, int count);
void mbox_consume_slow(struct mbox *box, struct mbox_msg **msgs, int count)
	__releases(&box->lock);

/**
 * mbox_new_msg - make a message to send to a mailbox
 * @box:	the mailbox
 * @len:	bytes of its body
 * @priority:	its priority
 * @flags:	as for mbox_send()
 * @cred:	as for mbox_msg_alloc()
 * @gfp:	whether this may sleep
 *
 * Return: as mbox_msg_alloc().
 */
static inline struct mbox_msg *mbox_new_msg(struct mbox *box, size_t len,
					    u16 priority, unsigned int flags,
					    const struct cred *cred, gfp_t gfp)
{
	u32 ttl_ms = mbox_get_limit(box, MBOX_TTL_MS);
	bool extra = priority || ttl_ms || (flags & MBOX_SYNC);
	struct mbox_msg *msg = NULL;

	if (unlikely(ttl_ms) && mbox_need_clock(box, gfp))
		return ERR_PTR(-ENOMEM);
	if (likely(READ_ONCE(box->spare)))
		msg = mbox_take_spare(box, mbox_msg_memory(len, extra));
	if (likely(msg))
		mbox_msg_reuse(msg, len, cred);
	else
		msg = mbox_msg_alloc(box->pool, len, extra, cred, gfp);
	if (!IS_ERR(msg)) {
		msg->priority = priority;
		if (unlikely(extra))
			msg->extra->ttl_ms = ttl_ms;
	}
	return msg;
}

/* A message is the mailbox's now, which is CLOCK_REALTIME @now. */
static inline void __mbox_stamp(struct mbox *box, struct mbox_msg *msg, u64 now)
{
	msg->seq = ++box->sent_total;
	msg->sent = now;
	box->sent_at = now;
	trace_mboxfs_send(box, msg);
}

/*
 * Send a message as most are; see MBOX_QUICK. *@now is the time, or 0 as long as
 * nobody has looked.
 *
 * Return: whether it has been sent.
 */
static __always_inline bool __mbox_send_quickly(struct mbox *box,
						struct mbox_msg *msg, u64 *now)
{
	u64 bytes = box->held.bytes + msg->len;

	if (unlikely(box->special || mbox_msg_ttl(msg) ||
		     msg->time != MBOX_DELAY_DEFAULT || __mbox_watched(box)))
		return false;
	if (unlikely(bytes > box->account.reserved ||
		     bytes > __mbox_limit(box, MBOX_MAX_BYTES) ||
		     msg->len > __mbox_limit(box, MBOX_MAX_MESSAGE_SIZE) ||
		     box->held.messages >=
			     __mbox_limit(box, MBOX_MAX_MESSAGES)))
		return false;
	if (!*now)
		*now = ktime_get_real_ns();
	__mbox_stamp(box, msg, *now);
	msg->order = ++box->published;
	mbox_sum_add(&box->held, msg);
	msg->state = MBOX_MSG_STORED;
	mbox_store_add(&box->store, msg);
	return true;
}

/**
 * mbox_send - send a message
 * @box:	the mailbox
 * @msg:	the message, filled; not the caller's any more, whatever is returned
 * @flags:	MBOX_NONBLOCK, MBOX_SYNC (@msg has an extra then)
 * @timeout:	ns to wait at most, or MBOX_FOREVER; gets what is left of it with
 *		-ERESTARTNOHAND
 *
 * Context: may sleep; no lock held.
 * Return: 0; MBOX_AGAIN: it is to be made and sent again, or mbox_give_up() to be
 * called; -EMSGSIZE; -ENOSPC if there is no room and when_full is not
 * "block"; -EDQUOT if a group's ceiling does not allow it; -EAGAIN if it would
 * have to wait but may not; -ESHUTDOWN if the mailbox is stopped, or has been
 * while this waited (-ESRCH if its process has ended); with MBOX_SYNC -ECANCELED
 * if it went unread; -ETIMEDOUT; and as mbox_wait() if interrupted.
 */
static inline int mbox_send(struct mbox *box, struct mbox_msg *msg,
			    unsigned int flags, s64 *timeout)
{
	u64 now = 0;

	spin_lock(&box->lock);
	if (unlikely((flags & MBOX_SYNC) ||
		     !__mbox_send_quickly(box, msg, &now)))
		return mbox_send_slow(box, msg, flags, timeout);
	spin_unlock(&box->lock);
	return 0;
}

/* A message is with a reader now, who copies it out. */
static inline void __mbox_begin_copy(struct mbox *box, struct mbox_msg *msg)
{
	msg->state = MBOX_MSG_COPYING;
	mbox_sum_add(&box->copying, msg);
}

/* Not every message will do. */
#define MBOX_CHOOSY	(MBOX_PEEK | MBOX_FROM | MBOX_TAGGED)

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

#endif /* _MBOXFS_QUICK_H */
