/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that are on lease, and those that are dead. "__" means that the mailbox's
 * lock is held.
 *
 * MBOX_LEASE: a message is done when its work is done.
 *	On lease is a state of a message, as delayed and readable are: it is in no
 *	store, and counts (@held) until it is acknowledged. It belongs to a holder,
 *	an open file, which finds it by its number. Whoever ends a lease - the
 *	holder, its last close, the clock - takes the message out of @leased under
 *	the lock; who comes second does not find it there. An acknowledged one
 *	leaves as received. All others come back to the store as from a reader, or
 *	are dead if they have been tried too often.
 *
 *	The time to live stands still meanwhile, so a message is in the clock's
 *	tree of what expires for one thing at a time: its time to live, or its lease.
 *
 *	What is to be known about it is in its struct mbox_extra, which a message
 *	that has none is lent with its first lease, and gives back when it is
 *	acknowledged: a holder keeps some for the next ones.
 */
#ifndef _MBOXFS_LEASE_H
#define _MBOXFS_LEASE_H

#include "clock.h"
#include "mbox.h"

/**
 * struct mbox_leases - what is on lease, and what is dead, of a mailbox
 * @leased:	on lease, by seq
 * @dead:	dead, in the order of their death
 * @on_lease:	sum of @leased
 * @buried:	sum of @dead
 * @deaths:	running number of deaths
 * @returned_total: messages that have come back from a lease
 *
 * Most mailboxes never need one: mbox_need_leases(). Both sums are parts of the
 * mailbox's @held.
 */
struct mbox_leases {
	struct rb_root		leased;
	struct rb_root_cached	dead;
	struct mbox_sum		on_lease;
	struct mbox_sum		buried;
	u64			deaths;
	u64			returned_total;
};

/* Extras that a holder keeps. */
#define MBOX_HOLDER_SPARES	32

/**
 * struct mbox_holder - who has messages on lease; guarded by the mailbox's lock
 * @leases:	those that are settled by their number
 * @read:	those that the next read settles
 * @spares:	extras for the next ones, linked by their lease.of_holder
 * @count:	how many are on @leases and @read
 * @nr_spares:	how many @spares
 */
struct mbox_holder {
	struct list_head	leases;
	struct list_head	read;
	struct list_head	spares;
	u32			count;
	u32			nr_spares;
};

int mbox_need_leases(struct mbox *box, gfp_t gfp);
void mbox_holder_init(struct mbox_holder *holder);
int mbox_holder_fill(struct mbox *box, struct mbox_holder *holder, u32 count,
		     gfp_t gfp);
void mbox_holder_exit(struct mbox_holder *holder);
bool __mbox_get_extra(struct mbox_msg *msg, struct mbox_holder *holder);
void __mbox_put_extra(struct mbox_msg *msg, struct mbox_holder *holder);
void __mbox_lease(struct mbox *box, struct mbox_msg *msg,
		  struct mbox_holder *holder, bool read);
void __mbox_touch(struct mbox *box, struct mbox_msg *msg);
void __mbox_unlease(struct mbox *box, struct mbox_msg *msg);
void __mbox_lay_dead(struct mbox *box, struct mbox_msg *msg);
void __mbox_undead(struct mbox *box, struct mbox_msg *msg);
struct mbox_msg *__mbox_leased_from(const struct mbox *box, u64 seq);
struct mbox_msg *__mbox_dead_from(const struct mbox *box, u64 death);
void mbox_leases_exit(struct mbox *box);

/* Nothing that has been sent can become readable any more. */
static inline bool __mbox_nothing_to_come(const struct mbox *box)
{
	return !box->delayed.messages && !box->copying.messages &&
	       !(box->leases && box->leases->on_lease.messages);
}

/* Nothing at all can. */
static inline bool __mbox_over(const struct mbox *box)
{
	return unlikely(box->stopped) && __mbox_nothing_to_come(box);
}

/* All who had it open for writing have gone, as far as when_empty cares. */
static inline bool __mbox_hung_up(const struct mbox *box)
{
	return __mbox_limit(box, MBOX_WHEN_EMPTY) ==
		       MBOXFS_WHEN_EMPTY_HANGUP &&
	       box->had_writers && !box->open_writers;
}

/* Whether an empty mailbox is the end for who obeys when_empty. */
static inline bool __mbox_empty_is_end(const struct mbox *box)
{
	return __mbox_limit(box, MBOX_WHEN_EMPTY) == MBOXFS_WHEN_EMPTY_EOF ||
	       (__mbox_hung_up(box) && __mbox_nothing_to_come(box));
}

static inline struct mbox_msg *mbox_lease_msg(struct rb_node *node)
{
	return node ? rb_entry(node, struct mbox_extra, lease.node)->msg : NULL;
}

/* The next one on lease by seq, or of the dead. */
static inline struct mbox_msg *mbox_lease_next(const struct mbox_msg *msg)
{
	return mbox_lease_msg(rb_next(&msg->extra->lease.node));
}

/* The oldest of the dead, or NULL. */
static inline struct mbox_msg *__mbox_first_dead(const struct mbox *box)
{
	return unlikely(box->leases) ?
		       mbox_lease_msg(rb_first_cached(&box->leases->dead)) : NULL;
}

/* Whether a holder has @seq on lease: the message, or NULL. */
static inline struct mbox_msg *
__mbox_leased_by(const struct mbox *box, const struct mbox_holder *holder,
		 u64 seq)
{
	struct mbox_msg *msg = __mbox_leased_from(box, seq);

	return msg && msg->seq == seq && msg->extra->lease.holder == holder ?
		       msg : NULL;
}

#endif /* _MBOXFS_LEASE_H */
