/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases: how they begin, and how their holder ends them; see MBOX_LEASE in lease.h.
 */
#ifndef _MBOXFS_SETTLE_H
#define _MBOXFS_SETTLE_H

#include "lease.h"
#include "receive.h"

/* What becomes of messages on lease. */
enum mbox_settle {
	MBOX_SETTLE_ACK,	/* received */
	MBOX_SETTLE_RETURN,	/* readable again */
	MBOX_SETTLE_BURY,	/* dead */
	MBOX_SETTLE_TOUCH,	/* their time begins anew */
};

u32 mbox_lease_in_place(struct mbox *box, size_t room, bool seen,
			mbox_drain_t drain, void *data,
			struct mbox_holder *holder);
int mbox_lease(struct mbox *box, struct mbox_msg **msgs, int count,
	       struct mbox_holder *holder, bool read);
int mbox_settle(struct mbox *box, struct mbox_holder *holder, const u64 *seqs,
		unsigned int count, enum mbox_settle how, u64 delay);
bool mbox_acknowledge(struct mbox *box, struct mbox_holder *holder, u64 seq);
void mbox_settle_read(struct mbox *box, struct mbox_holder *holder);
void mbox_end_leases(struct mbox *box, struct mbox_holder *holder);

#endif /* _MBOXFS_SETTLE_H */
