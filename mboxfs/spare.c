// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that have been received and are kept for the next ones: to take one
 * of them costs a fraction of allocating, clearing, charging and freeing.
 *
 * A mailbox keeps messages of one size only, the last that came. Those of
 * another size find no use for them, and each lets one of them go; so what is
 * kept follows what is sent. They stay charged, so a mailbox that keeps any is
 * a keeper of its pool, which may ask for them at any time, and does before it
 * refuses anything. A mailbox that nobody has open keeps nothing.
 */
#include "engine.h"

#include <linux/rcupdate.h>

#define MBOX_KEEP_MAX	(64 << 10)	/* bytes, of one mailbox */

/**
 * __mbox_keep - keep a message that has been received
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 * Return: whether it is kept; if not, it is still the caller's.
 */
bool __mbox_keep(struct mbox *box, struct mbox_msg *msg)
{
	/* Someone may peek still; or it has no body of its own. */
	if (refcount_read(&msg->refs) != 1 || (msg->cache & MBOX_MSG_COPY))
		return false;
	if (box->spare && box->spare->memory != msg->memory)
		return false;
	if (box->spare_memory + msg->memory > MBOX_KEEP_MAX)
		return false;
	if (unlikely(list_empty(&box->keeper)) &&
	    !mbox_pool_add_keeper(box->pool, &box->keeper))
		return false;
	msg->next_spare = box->spare;
	box->spare = msg;
	box->spare_memory += msg->memory;
	return true;
}

/**
 * mbox_take_spare - take a message that is kept
 * @box:	the mailbox
 * @memory:	what it has to have, see mbox_msg_memory()
 *
 * Context: takes the lock.
 * Return: a message for mbox_msg_reuse(), or NULL.
 */
struct mbox_msg *mbox_take_spare(struct mbox *box, u32 memory)
{
	struct mbox_msg *msg;

	spin_lock(&box->lock);
	msg = box->spare;
	if (likely(msg)) {
		box->spare = msg->next_spare;
		box->spare_memory -= msg->memory;
	}
	spin_unlock(&box->lock);
	if (likely(!msg || msg->memory == memory))
		return msg;
	mbox_msg_free_spare(box->pool, msg);
	return NULL;
}

/**
 * mbox_drop_spares - free what is kept
 * @box:	the mailbox
 *
 * Context: takes the lock; does not sleep.
 * Return: how many bytes that was.
 */
u64 mbox_drop_spares(struct mbox *box)
{
	struct mbox_msg *msg, *next;
	u64 memory;

	spin_lock(&box->lock);
	msg = box->spare;
	memory = box->spare_memory;
	box->spare = NULL;
	box->spare_memory = 0;
	if (!list_empty(&box->keeper))
		mbox_pool_del_keeper(box->pool, &box->keeper);
	spin_unlock(&box->lock);
	for (; msg; msg = next) {
		next = msg->next_spare;
		mbox_msg_free_spare(box->pool, msg);
	}
	return memory;
}

/**
 * mbox_release_spares - all mailboxes free what they keep
 * @pool:	those whose messages are charged to this
 *
 * Context: does not sleep.
 * Return: how many bytes that was.
 */
u64 mbox_release_spares(struct mbox_pool *pool)
{
	struct list_head *node;
	u64 memory = 0;

	/* A mailbox that was a keeper is not freed before we let it. */
	rcu_read_lock();
	while ((node = mbox_pool_first_keeper(pool)))
		memory += mbox_drop_spares(container_of(node, struct mbox,
							keeper));
	rcu_read_unlock();
	return memory;
}
