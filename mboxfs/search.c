// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking for the messages that someone wants, see MBOX_SEARCH in search.h. "__"
 * means that the mailbox's lock is held.
 */
#include "search.h"

/**
 * mbox_matches - whether a message is of the sender, and has the tag, wanted
 * @msg:	the message
 * @want:	what is wanted
 */
bool mbox_matches(const struct mbox_msg *msg, const struct mbox_want *want)
{
	if ((want->flags & MBOX_TAGGED) && msg->tag != want->tag)
		return false;
	return !(want->flags & MBOX_FROM) ||
	       mbox_msg_sender(msg, want->ns) == want->sender;
}

/**
 * mbox_too_long - whether a message has no room and must not be cut
 * @msg:	the message
 * @want:	what is wanted
 */
bool mbox_too_long(const struct mbox_msg *msg, const struct mbox_want *want)
{
	return (want->flags & MBOX_WHOLE) && msg->len > want->room;
}

/**
 * __mbox_begin_search - begin to look for a message
 * @box:	the mailbox
 * @want:	what is wanted
 * @search:	set up for it
 *
 * Context: lock held.
 */
void __mbox_begin_search(const struct mbox *box, struct mbox_want *want,
			 struct mbox_search *search)
{
	search->want = want;
	search->last = box->published;
	search->found = NULL;
	mbox_walk_begin(&search->walk, false, false);
}

/**
 * __mbox_search - go on looking for a message that is wanted
 * @box:	the mailbox
 * @search:	how far it has come
 * @after:	of this step
 *
 * Who may not wait does not look at what comes in meanwhile, or that might never
 * end.
 *
 * Context: lock held.
 * Return: the message; NULL if there is none; -EINPROGRESS if the step is full.
 */
struct mbox_msg *__mbox_search(struct mbox *box, struct mbox_search *search,
			       struct mbox_after *after)
{
	const struct mbox_want *want = search->want;
	struct mbox_msg *msg;

	while ((msg = mbox_walk_next(&box->store, &search->walk))) {
		if (mbox_matches(msg, want))
			return msg;
		if ((want->flags & MBOX_NONBLOCK) && !msg->priority &&
		    mbox_msg_order(msg) > search->last)
			return NULL;
		mbox_walk_pass(&search->walk, msg);
		after->visits++;
		if (__mbox_step_full(after))
			return ERR_PTR(-EINPROGRESS);
	}
	return NULL;
}

/**
 * __mbox_found - offer a message to who searches, see MBOX_SEARCH
 * @box:	the mailbox
 * @msg:	the message, about to be stored
 * @back:	whether it comes back from a reader
 *
 * Context: lock held.
 * Return: whether it is taken.
 */
bool __mbox_found(struct mbox *box, struct mbox_msg *msg, bool back)
{
	struct mbox_search *search = box->search;
	struct mbox_want *want = search->want;

	if (search->found || !mbox_matches(msg, want) ||
	    (!back && msg->priority <= search->walk.priority))
		return false;
	if (mbox_too_long(msg, want)) {
		want->len = msg->len;
		search->found = ERR_PTR(-EMSGSIZE);
		return false;
	}
	search->found = msg;
	if (want->flags & MBOX_PEEK) {
		refcount_inc(&msg->refs);
		return false;
	}
	__mbox_begin_copy(box, msg);
	return true;
}
