/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether a message fits: limits, what is reserved of the ceilings, what is
 * dropped for it. "__" means that the mailbox's lock is held.
 */
#ifndef _MBOXFS_ROOM_H
#define _MBOXFS_ROOM_H

#include "mbox.h"

bool __mbox_writable(const struct mbox *box);
void __mbox_owe_room(struct mbox *box);
int __mbox_may_wait(struct mbox *box, u64 len, struct mbox_after *after);
int __mbox_make_room(struct mbox *box, struct mbox_msg *msg,
		     struct mbox_after *after);
bool __mbox_may_bring(const struct mbox *box, u32 len);
void __mbox_leave_writers(struct mbox *box, const struct mbox_waiter *writer);

/* Whether more is reserved than is to stay. */
static inline bool __mbox_too_much(const struct mbox *box)
{
	return mbox_account_too_much(&box->account, __mbox_used(box));
}

/* Keep reserved what is needed, and some more far from the ceilings. */
static inline void __mbox_give_back(struct mbox *box)
{
	if (unlikely(__mbox_too_much(box)))
		mbox_account_release(&box->account, __mbox_used(box));
}

#endif /* _MBOXFS_ROOM_H */
