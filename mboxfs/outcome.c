// SPDX-License-Identifier: GPL-2.0-only
/*
 * How one message leaves, see outcome.h. "__" means that the mailbox's lock is held.
 */
#include "outcome.h"

#include "trace.h"

/**
 * mbox_tell_sender - who waits for a message learns what has become of it
 * @msg:	the message
 * @result:	0: it has been received; or an error
 * @after:	of this step
 *
 * Context: lock of its mailbox held.
 */
void mbox_tell_sender(struct mbox_msg *msg, int result,
		      struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra ? msg->extra->sender : NULL;

	if (likely(!sender))
		return;
	msg->extra->sender = NULL;
	sender->msg = NULL;
	mbox_end_wait(sender, result, after);
}

/**
 * __mbox_discard - a message goes without having been received
 * @box:	the mailbox
 * @msg:	delayed, stored, on lease, dead, or nowhere (@copying does not count
 *		it)
 * @after:	of this step
 *
 * Context: lock held.
 */
void __mbox_discard(struct mbox *box, struct mbox_msg *msg,
		    struct mbox_after *after)
{
	if (mbox_msg_stored(msg))
		__mbox_unstore(box, msg);
	else if (msg->state == MBOX_MSG_LEASED)
		__mbox_unlease(box, msg);
	else if (msg->state == MBOX_MSG_DEAD)
		__mbox_undead(box, msg);
	if (msg->state == MBOX_MSG_DELAYED)
		__mbox_undelay(box, msg);
	else
		mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	mbox_tell_sender(msg, -ECANCELED, after);
	mbox_after_put(after, msg);
}

/**
 * __mbox_withdraw - a sender takes the message back that it waits for
 * @box:	the mailbox
 * @sender:	who waits; its message is its own again
 *
 * Context: lock held.
 * Return: false if the message is being copied, or on lease.
 */
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender)
{
	struct mbox_msg *msg = sender->msg;

	switch (msg->state) {
	case MBOX_MSG_DELAYED:
		__mbox_undelay(box, msg);
		break;
	case MBOX_MSG_STORED:
	case MBOX_MSG_BACK:
		__mbox_unstore(box, msg);
		mbox_sum_sub(&box->held, msg);
		break;
	default:
		return false;
	}
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	trace_mboxfs_revoke(box, 1);
	return true;
}
