/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How one message leaves: received, discarded, taken back; and how its sender
 * learns of it. "__" means that the mailbox's lock is held.
 *
 * MBOX_RENDEZVOUS: a sender who waits owns its message again only if it finds
 *	it under the lock.
 *	Its waiter is known by the message (extra->sender) and is on
 *	mbox->rendezvous. Whoever ends the message ends the wait with it. A
 *	sender who is interrupted or timed out takes the message back if it is
 *	delayed or stored. If it is being copied or on lease, a signal lets the
 *	sender wait for the outcome; at its deadline, or if it is killed, it leaves
 *	all the same, and the message is its reader's (@sender is cleared, and it is
 *	discarded should it come back).
 */
#ifndef _MBOXFS_OUTCOME_H
#define _MBOXFS_OUTCOME_H

#include "clock.h"
#include "lease.h"
#include "mbox.h"
#include "search.h"

void mbox_tell_sender(struct mbox_msg *msg, int result,
		      struct mbox_after *after);
void __mbox_discard(struct mbox *box, struct mbox_msg *msg,
		    struct mbox_after *after);
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender);

/* Take a message out of the store. */
static inline void __mbox_unstore(struct mbox *box, struct mbox_msg *msg)
{
	if (unlikely(box->search))
		mbox_walk_forget(&box->store, &box->search->walk, msg);
	if (unlikely(box->parked == msg))
		box->parked = NULL;
	mbox_store_del(&box->store, msg);
	if (unlikely(mbox_msg_ttl(msg)))
		__mbox_unexpire(box, msg);
}

#endif /* _MBOXFS_OUTCOME_H */
