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
