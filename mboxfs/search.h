/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking for the messages that someone wants. "__" means that the mailbox's lock
 * is held.
 *
 * MBOX_SEARCH: a long search goes on where it was.
 *	Who wants one sender's messages, or those with one tag, may have to look
 *	at many. It lets the lock go after a batch, with a mark at the last one
 *	it has looked at; if that one leaves the store, the mark moves to the one
 *	before it. What comes in behind the mark will be looked at; what gets a
 *	place in front of it, because it is more urgent or comes back from a
 *	reader, is offered to who searches at once. There is one such search at
 *	a time, so that this costs others next to nothing: a second one waits
 *	for its turn.
 */
#ifndef _MBOXFS_SEARCH_H
#define _MBOXFS_SEARCH_H

#include "mbox.h"

/**
 * struct mbox_search - how far a search has come, see MBOX_SEARCH
 * @want:	what is looked for
 * @walk:	behind the last message that was not wanted
 * @last:	the last message that had been published when it began
 * @found:	what has come in before the mark and is wanted, or an error
 */
struct mbox_search {
	struct mbox_want	*want;
	struct mbox_walk	walk;
	u64			last;
	struct mbox_msg		*found;
};

bool mbox_matches(const struct mbox_msg *msg, const struct mbox_want *want);
bool mbox_too_long(const struct mbox_msg *msg, const struct mbox_want *want);
void __mbox_begin_search(const struct mbox *box, struct mbox_want *want,
			 struct mbox_search *search);
struct mbox_msg *__mbox_search(struct mbox *box, struct mbox_search *search,
			       struct mbox_after *after);
bool __mbox_found(struct mbox *box, struct mbox_msg *msg, bool back);

#endif /* _MBOXFS_SEARCH_H */
