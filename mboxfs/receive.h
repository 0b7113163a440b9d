/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receiving. What most messages need is inline, as a call costs as much as what that
 * does; see MBOX_QUICK in step.h. All else is in receive.c.
 */
#ifndef _MBOXFS_RECEIVE_H
#define _MBOXFS_RECEIVE_H

#include <linux/jiffies.h>

#include "mbox.h"
#include "place.h"
#include "room.h"
#include "spare.h"
#include "trace.h"

/* Called with the lock held, so that it is not taken twice. */
struct mbox_msg *mbox_receive_slow(struct mbox *box, struct mbox_want *want)
	__releases(&box->lock);
void mbox_let_go(struct mbox *box, struct mbox_msg *msg)
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

/* How a message that is no copy is copied out with the lock held. */
typedef bool (*mbox_drain_t)(const struct mbox_msg *msg, void *data);

/*
 * Whether nobody cares that this message is received, and that its bytes are free;
 * see MBOX_QUICK.
 */
static __always_inline bool __mbox_is_plain(const struct mbox *box,
					    const struct mbox_msg *msg)
{
	return !box->special && !(msg->extra && msg->extra->sender) &&
	       !mbox_account_too_much(&box->account, box->held.bytes - msg->len);
}

/* The first message has been copied out: it is received; see MBOX_IN_PLACE. */
static __always_inline void __mbox_take_away(struct mbox *box,
					     struct mbox_msg *msg, bool seen)
{
	mbox_store_take(&box->store, msg);
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	trace_mboxfs_recv(box, msg);
	box->received_total++;
	if (seen)
		box->received_at = jiffies;
}

/* Whether a message can be copied out with the lock held, see MBOX_IN_PLACE. */
static __always_inline bool mbox_is_short(const struct mbox_msg *msg,
					  size_t room)
{
	return msg->len <= min_t(size_t, room, MBOX_IN_PLACE) &&
	       likely(!msg->segments || !(msg->units & MBOX_MSG_COPY));
}

/* Whether nothing is there to be received, by a glance without the lock. */
static inline bool mbox_is_empty(const struct mbox *box)
{
	return list_empty_careful(&box->store.plain) &&
	       !READ_ONCE(box->store.levels.rb_root.rb_node) &&
	       !READ_ONCE(box->special);
}

/**
 * mbox_receive_in_place - receive the first message, if that is done in one section
 * @box:	the mailbox
 * @room:	bytes of room
 * @seen:	whether to note when this was
 * @drain:	copies a message out as mbox_copy_out_now() does
 * @data:	for @drain
 *
 * See MBOX_IN_PLACE.
 *
 * Context: may sleep; no lock held.
 * Return: the length of the message, which has been received; or 0, with the lock
 * held, to go on with mbox_receive_locked(). That of an empty message, too.
 */
static __always_inline u32
mbox_receive_in_place(struct mbox *box, size_t room, bool seen,
		      mbox_drain_t drain, void *data)
{
	struct mbox_msg *msg;
	u32 len;

	spin_lock(&box->lock);
	msg = mbox_store_first(&box->store);
	len = likely(msg) ? msg->len : 0;
	if (unlikely(!len || !mbox_is_short(msg, room) ||
		     !__mbox_is_plain(box, msg) || !drain(msg, data))) {
		/* The lock is handed on, which sparse cannot follow. */
		__release(&box->lock);
		return 0;
	}
	__mbox_take_away(box, msg, seen);
	if (likely(__mbox_keep(box, msg))) {
		spin_unlock(&box->lock);
		return len;
	}
	mbox_let_go(box, msg);
	return len;
}

/**
 * __mbox_receive_now - receive one of several messages with the lock held
 * @box:	the mailbox
 * @seen:	whether to note when this was
 * @drain:	copies it out, if it has room
 * @data:	for @drain
 * @gone:	those that cannot be kept, linked by @next_spare, for
 *		mbox_free_gone()
 *
 * See MBOX_IN_PLACE.
 *
 * Context: lock held.
 * Return: bytes that have been copied, or -1 if nothing has happened.
 */
static __always_inline s64
__mbox_receive_now(struct mbox *box, bool seen, mbox_drain_t drain, void *data,
		   struct mbox_msg **gone)
{
	struct mbox_msg *msg = mbox_store_first(&box->store);

	/* Who sends from a pid namespace is to be forgotten without the lock. */
	if (unlikely(!msg || !mbox_is_short(msg, MBOX_IN_PLACE) ||
		     !__mbox_is_plain(box, msg) || mbox_msg_sender_pid(msg) ||
		     !drain(msg, data)))
		return -1;
	__mbox_take_away(box, msg, seen);
	if (unlikely(!__mbox_keep(box, msg))) {
		msg->next_spare = *gone;
		*gone = msg;
	}
	return msg->len;
}

void mbox_free_gone(struct mbox *box, struct mbox_msg *gone);

/**
 * mbox_receive_locked - mbox_receive() with the lock held, which is dropped
 * @box:	the mailbox
 * @want:	what is wanted
 *
 * Return: as mbox_receive().
 */
static inline struct mbox_msg *mbox_receive_locked(struct mbox *box,
						   struct mbox_want *want)
{
	struct mbox_msg *msg = NULL;

	__acquire(&box->lock);
	if (likely(!(want->flags & MBOX_CHOOSY)))
		msg = __mbox_take_quickly(box, want);
	if (unlikely(!msg))
		return mbox_receive_slow(box, want);
	spin_unlock(&box->lock);
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
	spin_lock(&box->lock);
	__release(&box->lock); /* handed on */
	return mbox_receive_locked(box, want);
}

/* A message has been received that nobody else cares for; see MBOX_QUICK. */
static __always_inline bool __mbox_consume_quickly(struct mbox *box,
						   struct mbox_msg *msg)
{
	if (unlikely(!__mbox_is_plain(box, msg) || !__mbox_keep(box, msg)))
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
