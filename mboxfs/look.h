/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at messages without taking them, and taking back those that are there.
 *
 * MBOX_MARK: a walk goes on where it was, though others need not care.
 *	What has been looked at is known by its place in the order, which a walk
 *	keeps while it lets the lock go, for user space even. Where that is in a list
 *	it has to find anew; so it holds a reference to the last message there (a
 *	mark), and if that one is still in its list, goes on behind it. If it is
 *	not, the walk begins at the front of the list and passes over what it has
 *	seen: as messages mostly leave from there, that is next to nothing.
 */
#ifndef _MBOXFS_LOOK_H
#define _MBOXFS_LOOK_H

#include <linux/uidgid.h>

#include "mbox.h"

/**
 * struct mbox_mark - where a walk is in a list, see MBOX_MARK
 * @msg:	the message, with a reference, or NULL
 * @order:	its order then
 */
struct mbox_mark {
	struct mbox_msg	*msg;
	u64		order;
};

/**
 * struct mbox_sight - a message that has been looked at
 * @msg:	the message, with a reference
 * @cursor:	to go on behind it
 * @delay:	ns until it is readable, or 0
 * @left:	ns left to live, or -1
 * @state:	0, MBOXFS_IS_DELAYED and so on
 * @attempts:	how often it has been on lease
 */
struct mbox_sight {
	struct mbox_msg	*msg;
	u64		cursor[2];
	u64		delay;
	s64		left;
	u32		state;
	u32		attempts;
};

int mbox_look(struct mbox *box, struct mbox_mark *mark, u32 what, u64 *cursor,
	      struct mbox_sight *sights, int count);
void mbox_mark_exit(struct mbox *box, struct mbox_mark *mark);
s64 mbox_cancel(struct mbox *box, const u64 *numbers, unsigned int count,
		bool by_tag, kuid_t uid);

#endif /* _MBOXFS_LOOK_H */
