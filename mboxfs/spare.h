/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that have been received and are kept for the next ones, see spare.c.
 * "__" means that the mailbox's lock is held.
 */
#ifndef _MBOXFS_SPARE_H
#define _MBOXFS_SPARE_H

#include "mbox.h"
#include "pool.h"

/* Bytes of messages that a mailbox keeps for reuse, see spare.c. */
#define MBOX_KEEP_MAX		(256 << 10)

extern const struct mbox_pool_ops mbox_spare_ops;

void mbox_drop_spares(struct mbox *box);
bool __mbox_keep_another(struct mbox *box, const struct mbox_msg *msg);

/**
 * __mbox_keep - keep a message that has been received
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 * Return: whether it is kept; if not, it is still the caller's.
 */
static inline bool __mbox_keep(struct mbox *box, struct mbox_msg *msg)
{
	/* Someone may peek still; or it has no body of its own, or too much. */
	if (refcount_read(&msg->refs) != 1 ||
	    (msg->units & (MBOX_MSG_COPY | MBOX_MSG_LENT)))
		return false;
	/* What is to be cleared when it is freed is not to stay. */
	if (want_init_on_free() || unlikely(mbox_msg_sender_pid(msg)))
		return false;
	if (unlikely(box->spare_size != msg->memory) &&
	    !__mbox_keep_another(box, msg))
		return false;
	if (box->spare_memory + msg->memory > MBOX_KEEP_MAX)
		return false;
	msg->next_spare = box->spare;
	box->spare = msg;
	box->spare_memory += msg->memory;
	return true;
}

/* The message that is kept foremost is taken. */
static inline void __mbox_unkeep(struct mbox *box, struct mbox_msg *msg)
{
	box->spare = msg->next_spare;
	box->spare_memory -= box->spare_size;
}

/**
 * mbox_take_spare - take a message that is kept
 * @box:	the mailbox
 * @memory:	what it has to have, see mbox_msg_memory()
 *
 * Context: takes the lock.
 * Return: a message for mbox_msg_reuse(), or NULL.
 */
static inline struct mbox_msg *mbox_take_spare(struct mbox *box, u32 memory)
{
	struct mbox_msg *msg;

	spin_lock(&box->lock);
	msg = box->spare;
	if (likely(msg))
		__mbox_unkeep(box, msg);
	spin_unlock(&box->lock);
	if (likely(!msg || msg->memory == memory))
		return msg;
	mbox_msg_free_spare(box->pool, msg);
	return NULL;
}

#endif /* _MBOXFS_SPARE_H */
