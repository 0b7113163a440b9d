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
#include "copy.h"
#include "match.h"
#include "mbox.h"
#include "place.h"
#include "spare.h"

/* Nothing has been sent: the message is to be made first, then sent. */
#define MBOX_MAKE	(-EXFULL)
/* It is made, and not sent yet. */
#define MBOX_MADE	(-EINPROGRESS)

/* Called with the lock held, so that it is not taken twice. */
int mbox_send_made(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
		   s64 *timeout);
int mbox_send_slow(struct mbox *box, struct mbox_msg *msg, u64 now,
		   unsigned int flags, s64 *timeout) __releases(&box->lock);
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 *timeout);
struct mbox_msg *mbox_new_copy(struct mbox *box, struct mbox_msg *original,
			       gfp_t gfp);
int mbox_set_delay(struct mbox *box, struct mbox_msg *msg, u64 delay,
		   gfp_t gfp);
void mbox_give_up(struct mbox *box);
int mbox_restore(struct mbox *box, struct mbox_msg *msg, bool dead);

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
	bool extra = priority || ttl_ms || (flags & (MBOX_SYNC | MBOX_ONCE));
	struct mbox_msg *msg = NULL;

	if (unlikely(ttl_ms) && mbox_need_clock(box, gfp))
		return ERR_PTR(-ENOMEM);
	if (likely(READ_ONCE(box->spare)))
		msg = mbox_take_spare(box, mbox_msg_memory(len, extra));
	if (likely(msg)) {
		mbox_msg_reuse(msg, len, cred);
		mbox_msg_reuse_extra(msg);
	} else {
		msg = mbox_msg_alloc(box->pool, len, extra, cred, gfp);
	}
	if (!IS_ERR(msg)) {
		msg->priority = priority;
		if (unlikely(extra)) {
			msg->extra->ttl_ms = ttl_ms;
			msg->extra->once = flags & MBOX_ONCE;
		}
	}
	return msg;
}

/* Whether a message of @len bytes needs no step, see MBOX_QUICK. */
static __always_inline bool __mbox_takes_quickly(struct mbox *box, u32 len)
{
	u64 bytes = box->held.bytes + len;

	return likely(!box->special && !__mbox_watched(box) &&
		      bytes <= box->account.reserved &&
		      bytes <= __mbox_limit(box, MBOX_MAX_BYTES) &&
		      len <= __mbox_limit(box, MBOX_MAX_MESSAGE_SIZE) &&
		      box->held.messages <
			      __mbox_limit(box, MBOX_MAX_MESSAGES));
}

/* Then it is there, at CLOCK_REALTIME @now. */
static __always_inline void
__mbox_publish_quickly(struct mbox *box, struct mbox_msg *msg, u64 now)
{
	__mbox_stamp(box, msg, now);
	msg->order = ++box->published;
	mbox_sum_add(&box->held, msg);
	mbox_store_add(&box->store, msg);
}

/*
 * Send a message as most are, at CLOCK_REALTIME @now. The clock is looked at before
 * the lock is taken.
 *
 * Return: whether it has been sent.
 */
static __always_inline bool
__mbox_send_quickly(struct mbox *box, struct mbox_msg *msg, u64 now)
{
	if (unlikely(mbox_msg_ttl(msg) || msg->time != MBOX_DELAY_DEFAULT ||
		     !__mbox_takes_quickly(box, msg->len)))
		return false;
	__mbox_publish_quickly(box, msg, now);
	return true;
}

/**
 * mbox_send - send a message
 * @box:	the mailbox
 * @msg:	the message, filled; not the caller's any more, whatever is returned
 * @flags:	MBOX_NONBLOCK; MBOX_SYNC, MBOX_ONCE (@msg has an extra then)
 * @timeout:	ns to wait at most, or MBOX_FOREVER; gets what is left of it with
 *		-ERESTARTNOHAND
 *
 * Context: may sleep; no lock held.
 * Return: 0; MBOX_AGAIN: it is to be made and sent again, or mbox_give_up() to be
 * called; -EMSGSIZE; -ENOSPC if there is no room and when_full is not
 * "block"; -EDQUOT if a group's ceiling does not allow it; -EAGAIN if it would
 * have to wait but may not; -ESHUTDOWN if the mailbox is stopped, or has been
 * while this waited (-ESRCH if its process has ended); with MBOX_SYNC -ECANCELED
 * if it went unread; with MBOX_ONCE -EEXIST if its tag is not the highest;
 * -ETIMEDOUT; and as mbox_wait() if interrupted.
 */
static inline int mbox_send(struct mbox *box, struct mbox_msg *msg,
			    unsigned int flags, s64 *timeout)
{
	u64 now = ktime_get_real_ns();

	spin_lock(&box->lock);
	if (unlikely((flags & (MBOX_SYNC | MBOX_ONCE)) ||
		     !__mbox_send_quickly(box, msg, now)))
		return mbox_send_slow(box, msg, now, flags, timeout);
	spin_unlock(&box->lock);
	return 0;
}

/**
 * mbox_send_in_place - send a message from where it lies, in one section
 * @box:	the mailbox
 * @from:	its body, see mbox_one_buffer()
 * @len:	bytes of it
 * @tag:	its tag
 * @cred:	as for mbox_msg_alloc()
 * @msg:	set to the message if more has to be thought of
 *
 * See MBOX_IN_PLACE.
 *
 * Context: may sleep; no lock held.
 * Return: 0; MBOX_MAKE if it could not be done so, and nothing has happened;
 * MBOX_MADE if @msg is filled: the lock is held, mbox_send_made() is next.
 */
static __always_inline int
mbox_send_in_place(struct mbox *box, struct mbox_buffer from, size_t len,
		   u64 tag, const struct cred *cred, struct mbox_msg **msg)
{
	u64 now;

	if (unlikely(len > MBOX_IN_PLACE || (!from.user && !from.kernel) ||
		     !READ_ONCE(box->spare)))
		return MBOX_MAKE;
	now = ktime_get_real_ns();
	spin_lock(&box->lock);
	*msg = box->spare;
	if (unlikely(!*msg || len - box->spare_from > box->spare_span ||
		     !mbox_copy_in_now(*msg, len, from))) {
		spin_unlock(&box->lock);
		return MBOX_MAKE;
	}
	__mbox_unkeep(box, *msg);
	mbox_msg_reuse(*msg, len, cred);
	if (tag)
		(*msg)->tag = tag;
	if (unlikely(!__mbox_takes_quickly(box, len))) {
		(*msg)->sent = now;
		/* The lock is handed on, which sparse cannot follow. */
		__release(&box->lock);
		return MBOX_MADE;
	}
	__mbox_publish_quickly(box, *msg, now);
	spin_unlock(&box->lock);
	return 0;
}

/**
 * __mbox_send_now - send one of several messages with the lock held
 * @box:	the mailbox
 * @from:	its body, in user space
 * @len:	bytes of it
 * @tag:	its tag
 * @cred:	as for mbox_msg_alloc()
 * @now:	CLOCK_REALTIME, ns
 *
 * See MBOX_IN_PLACE.
 *
 * Context: lock held.
 * Return: whether it has been sent; if not, nothing has happened.
 */
static __always_inline bool
__mbox_send_now(struct mbox *box, struct mbox_buffer from, size_t len, u64 tag,
		const struct cred *cred, u64 now)
{
	struct mbox_msg *msg = box->spare;

	if (unlikely(!msg || len > MBOX_IN_PLACE ||
		     len - box->spare_from > box->spare_span ||
		     !__mbox_takes_quickly(box, len) ||
		     !mbox_copy_in_now(msg, len, from)))
		return false;
	__mbox_unkeep(box, msg);
	mbox_msg_reuse(msg, len, cred);
	msg->tag = tag;
	__mbox_publish_quickly(box, msg, now);
	return true;
}

#endif /* _MBOXFS_SEND_H */
