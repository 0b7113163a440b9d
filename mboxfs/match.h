/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The heart of a mailbox: what becomes readable meets who waits for it, room meets
 * who waits for room, and the end those for whom it is one. "__" means that the
 * mailbox's lock is held.
 *
 * MBOX_FAIR: a newcomer never overtakes a waiter.
 *	What is published goes to the first waiting reader who wants it. So as
 *	long as readers wait, nothing in the store is for any of them, and a
 *	newcomer who finds something takes it from nobody. As long as writers
 *	wait, the first of them does not fit, and a newcomer queues behind.
 *	Writers wait with their messages, but those may be no more than the
 *	mailbox itself takes (max_bytes, or one). Who comes then waits without
 *	(@lobby), and is sent to make its message anew once there is room among
 *	those who wait. It keeps its place for that, but is not waited for: who
 *	takes longer to come back than its turn is away is overtaken.
 *
 * MBOX_SETTLE: who changes something sees to what it means to those who wait.
 *	At the end of each step, and nowhere else, __mbox_settle() looks at all
 *	that may have to happen now: it lets writers in for whom there is room,
 *	lets everyone go who waits for what will not come any more, gives back
 *	what is reserved without need, tells of events. What has to happen is
 *	seen from the state of the mailbox alone. A step looks at a thousand
 *	messages and waiters at most (@visits); is that not enough, the mailbox
 *	stays @unsettled: who has made the step goes on in another one, and so
 *	does whoever comes first, before anything of its own. So all others see
 *	a mailbox where everything has happened; and as nobody begins to wait
 *	meanwhile, that ends.
 */
#ifndef _MBOXFS_MATCH_H
#define _MBOXFS_MATCH_H

#include "lease.h"
#include "mbox.h"
#include "room.h"
#include "trace.h"

/* How a lease ends, other than by being acknowledged. */
enum mbox_end {
	MBOX_END_RETURNED,	/* by its holder */
	MBOX_END_BURIED,	/* by its holder, who wants it dead */
	MBOX_END_LAPSED,	/* by itself */
};

u64 __mbox_due(const struct mbox *box, const struct mbox_msg *msg);
void __mbox_accept(struct mbox *box, struct mbox_msg *msg, u64 now,
		   struct mbox_after *after);
void __mbox_publish(struct mbox *box, struct mbox_msg *msg, u64 now,
		    struct mbox_after *after);
void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
		     struct mbox_after *after);
void __mbox_end_lease(struct mbox *box, struct mbox_msg *msg,
		      enum mbox_end end, u64 due, struct mbox_after *after);
void __mbox_die(struct mbox *box, struct mbox_msg *msg,
		struct mbox_after *after);
bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg);
bool __mbox_catch_up_now(struct mbox *box, struct mbox_after *after);
void __mbox_settle(struct mbox *box, struct mbox_after *after);

/* A message is the mailbox's now, which is CLOCK_REALTIME @now. */
static inline void __mbox_stamp(struct mbox *box, struct mbox_msg *msg, u64 now)
{
	msg->seq = ++box->sent_total;
	msg->sent = now;
	box->sent_at = now;
	trace_mboxfs_send(box, msg);
}

/* Whether someone waits for whom an empty mailbox is the end. */
static inline bool __mbox_at_eof(const struct mbox *box)
{
	return unlikely(__mbox_limit(box, MBOX_WHEN_EMPTY) !=
			MBOXFS_WHEN_EMPTY_BLOCK) &&
	       !list_empty(&box->readers.eof) && __mbox_empty_is_end(box);
}

/* Whether what has changed may matter to those who wait, see MBOX_SETTLE. */
static inline bool __mbox_must_settle(const struct mbox *box)
{
	return box->stopped || box->drained || box->owes_room ||
	       box->parked || box->unsettled ||
	       __mbox_writers_wait(box) || __mbox_at_eof(box) ||
	       __mbox_too_much(box);
}

#endif /* _MBOXFS_MATCH_H */
