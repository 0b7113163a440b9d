// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that have been received and are kept for the next ones: to take one
 * of them costs a fraction of allocating, clearing, charging and freeing.
 *
 * A mailbox keeps messages of one size only, the last that came. Those of
 * another size find no use for them, and each lets one of them go; so what is
 * kept follows what is sent. They stay charged, so a mailbox that keeps any is
 * a keeper of its pool, which may ask for them at any time, and does before it
 * refuses anything, and if the machine is short of memory. A mailbox that nobody
 * has open keeps nothing. Whoever has allocated a message goes on paying for it
 * while it is kept and used again: to charge another cgroup each time would cost
 * as much as to allocate anew.
 */
#include "spare.h"

/**
 * mbox_drop_spares - free what is kept
 * @box:	the mailbox
 *
 * It is given back to the pool first, at once with ceasing to be its keeper: who
 * needs it finds either this keeper or what it has kept.
 *
 * Context: takes the lock; does not sleep.
 */
void mbox_drop_spares(struct mbox *box)
{
	struct mbox_msg *msg, *next;

	spin_lock(&box->lock);
	msg = box->spare;
	box->spare = NULL;
	if (!list_empty(&box->keeper))
		mbox_pool_del_keeper(box->pool, &box->keeper,
				     box->spare_memory);
	box->spare_memory = 0;
	box->spare_size = 0;
	box->spare_from = U32_MAX;
	spin_unlock(&box->lock);
	for (; msg; msg = next) {
		next = msg->next_spare;
		mbox_msg_free_spare(NULL, msg);
	}
}

/**
 * __mbox_keep_another - whether a message of another size can be kept now
 * @box:	the mailbox
 * @msg:	the message
 *
 * It can be as soon as nothing else is kept.
 *
 * Context: lock held.
 */
bool __mbox_keep_another(struct mbox *box, const struct mbox_msg *msg)
{
	if (box->spare)
		return false;
	if (list_empty(&box->keeper) &&
	    !mbox_pool_add_keeper(box->pool, &box->keeper))
		return false;
	box->spare_size = msg->memory;
	/* In place those without an extra are sent. */
	box->spare_from = U32_MAX;
	box->spare_span = 0;
	if (!msg->extra)
		mbox_msg_range(msg, &box->spare_from, &box->spare_span);
	return true;
}

static void mbox_release_spares(struct list_head *keeper)
{
	mbox_drop_spares(container_of(keeper, struct mbox, keeper));
}

static u64 mbox_kept_spares(const struct list_head *keeper)
{
	return READ_ONCE(container_of(keeper, const struct mbox,
				      keeper)->spare_memory);
}

/* A mailbox that was a keeper is not freed before a grace period. */
const struct mbox_pool_ops mbox_spare_ops = {
	.release	= mbox_release_spares,
	.kept		= mbox_kept_spares,
};
