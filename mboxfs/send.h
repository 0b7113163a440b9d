/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sending. What most messages need is inline, as a call costs as much as what that
 * does; see MBOX_QUICK in step.h. All else is in send.c.
 */
#ifndef _MBOXFS_SEND_H
#define _MBOXFS_SEND_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "clock.h"
#include "match.h"
#include "mbox.h"
#include "place.h"
#include "spare.h"

/* Called with the lock held, so that it is not taken twice. */
int mbox_send_slow(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
		   s64 *timeout) __releases(&box->lock);
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 *timeout);
struct mbox_msg *mbox_new_copy(struct mbox *box, struct mbox_msg *original,
			       gfp_t gfp);
int mbox_set_delay(struct mbox *box, struct mbox_msg *msg, u64 delay,
		   gfp_t gfp);
void mbox_give_up(struct mbox *box);

/**
 * mbox_sent - what has been sent, or not, with a timeout is over
 * @box:	the mailbox
 *
 * If it was interrupted, and has been made again, nothing is to be left of that.
 *
 * Context: no lock held.
 */
static inline void mbox_sent(struct mbox *box)
{
	mbox_place_drop(&box->writers);
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
static inline int mbox_check_send(const struct mbox *box, u64 len,
				  unsigned int flags)
{
	if (unlikely(len > MBOXFS_MESSAGE_MAX ||
		     len > mbox_get_limit(box, MBOX_MAX_MESSAGE_SIZE) ||
		     len > mbox_get_limit(box, MBOX_MAX_BYTES)))
		return -EMSGSIZE;
	if ((flags & MBOX_NONBLOCK) && !READ_ONCE(box->stopped) &&
	    mbox_get_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_BLOCK &&
	    !mbox_get_limit(box, MBOX_TTL_MS) &&
	    READ_ONCE(box->held.messages) >=
		    mbox_get_limit(box, MBOX_MAX_MESSAGES))
		return -EAGAIN;
	return 0;
}

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

#endif /* _MBOXFS_SEND_H */
