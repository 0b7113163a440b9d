// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room: whether a message fits, and what makes it fit; see room.h. "__" means that
 * the mailbox's lock is held.
 */
#include "room.h"

#include <linux/kernel.h>

#include "lease.h"
#include "outcome.h"
#include "trace.h"

static u64 __mbox_max_length(const struct mbox *box)
{
	return min3(__mbox_limit(box, MBOX_MAX_MESSAGE_SIZE),
		    __mbox_limit(box, MBOX_MAX_BYTES),
		    (u64)MBOXFS_MESSAGE_MAX);
}

/* Whether a message fits beside so many others. */
static bool __mbox_fits_beside(const struct mbox *box, u64 messages, u64 bytes,
			       u64 len)
{
	u64 max_bytes = __mbox_limit(box, MBOX_MAX_BYTES);

	/* More than the limits may be queued, from before they were lowered. */
	return messages < __mbox_limit(box, MBOX_MAX_MESSAGES) &&
	       len <= max_bytes && bytes <= max_bytes - len;
}

static bool __mbox_fits(const struct mbox *box, u64 len)
{
	return __mbox_fits_beside(box,
				  box->held.messages + box->delayed.messages,
				  __mbox_used(box), len);
}

/**
 * __mbox_writable - what EPOLLOUT means
 * @box:	the mailbox
 *
 * Context: lock held.
 * Return: whether no sender of any legal message would have to wait.
 */
bool __mbox_writable(const struct mbox *box)
{
	if (__mbox_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_DROP_OLDEST)
		return true;
	return !__mbox_writers_wait(box) &&
	       __mbox_fits(box, __mbox_max_length(box));
}

/**
 * __mbox_owe_room - remember to tell those who poll when there is room again
 * @box:	the mailbox
 *
 * Context: lock held.
 */
void __mbox_owe_room(struct mbox *box)
{
	if (!__mbox_writable(box))
		box->owes_room = true;
}

/* A group does not allow something, but its holders might; see MBOX_CEILING. */
static void mbox_note_full(struct mbox_after *after, struct mbox_group *full)
{
	after->more = true;
	if (!after->full)
		after->full = full;
	else
		mbox_group_put(full);
}

/* Reserve what is needed to use so many bytes; 0 or -EDQUOT. */
static int __mbox_reserve(struct mbox *box, u64 need, struct mbox_after *after)
{
	struct mbox_group *full;
	int ret;

	if (likely(need <= box->account.reserved))
		return 0;
	ret = mbox_account_reserve(&box->account, need, &full);
	if (ret)
		mbox_note_full(after, full);
	return ret;
}

/**
 * __mbox_may_wait - whether it makes sense to wait for room
 * @box:	the mailbox
 * @len:	bytes of the message
 * @after:	of this step
 *
 * A ceiling is not waited for.
 *
 * Context: lock held.
 * Return: 0 or -EDQUOT.
 */
int __mbox_may_wait(struct mbox *box, u64 len, struct mbox_after *after)
{
	struct mbox_group *full;
	int ret;

	ret = mbox_account_check(&box->account, __mbox_used(box) + len, &full);
	if (ret)
		mbox_note_full(after, full);
	return ret;
}

/**
 * struct mbox_plan - what is dropped for a message
 * @dead:	the next of the dead, who go first, or NULL
 * @walk:	then the worst ones: the oldest of the lowest priority
 */
struct mbox_plan {
	struct mbox_msg		*dead;
	struct mbox_walk	walk;
};

static void __mbox_begin_plan(struct mbox *box, struct mbox_plan *plan)
{
	plan->dead = __mbox_first_dead(box);
	mbox_walk_begin(&plan->walk, true, false);
}

/* What goes next, but none of a higher priority than @priority; or NULL. */
static struct mbox_msg *__mbox_next_planned(struct mbox *box,
					    struct mbox_plan *plan,
					    u32 priority)
{
	struct mbox_msg *msg = plan->dead;

	if (msg) {
		plan->dead = mbox_lease_next(msg);
		return msg;
	}
	msg = mbox_walk_next(&box->store, &plan->walk);
	if (!msg || msg->priority > priority)
		return NULL;
	mbox_walk_pass(&plan->walk, msg);
	return msg;
}

/*
 * What has to go until @msg fits. *@bytes is what these are, or a batch of them.
 *
 * Return: 0; -ENOSPC if it does not fit even then; -EAGAIN if a batch of them
 * is not enough.
 */
static int __mbox_plan_drop(struct mbox *box, const struct mbox_msg *msg,
			    u64 *bytes)
{
	u64 messages = box->held.messages + box->delayed.messages;
	u64 used = __mbox_used(box);
	unsigned int batch = MBOX_BATCH;
	struct mbox_plan plan;
	struct mbox_msg *next;

	*bytes = 0;
	__mbox_begin_plan(box, &plan);
	while (!__mbox_fits_beside(box, messages, used - *bytes, msg->len)) {
		if (!batch--)
			return -EAGAIN;
		next = __mbox_next_planned(box, &plan, msg->priority);
		if (!next)
			return -ENOSPC;
		messages--;
		*bytes += next->len;
	}
	return 0;
}

/* Whether @msg fits beside those that stay whatever is dropped for it. */
static bool __mbox_can_fit(struct mbox *box, const struct mbox_msg *msg)
{
	struct mbox_sum stay = box->copying;

	if (box->leases) {
		stay.messages += box->leases->on_lease.messages;
		stay.bytes += box->leases->on_lease.bytes;
	}
	mbox_store_above(&box->store, msg->priority, &stay);
	return __mbox_fits_beside(box, stay.messages + box->delayed.messages,
				  stay.bytes + box->delayed.bytes, msg->len);
}

/*
 * Make room for @msg by dropping older messages, if that can make enough: none
 * of a higher priority, none that are delayed, being copied or on lease. What it
 * needs of the ceilings is reserved; what is going to be dropped makes room there,
 * too.
 *
 * Return: 0, -ENOSPC or -EDQUOT if it cannot (nothing is dropped then), or
 * -EAGAIN after a batch, to go on in another step.
 */
static int __mbox_drop_oldest(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_after *after)
{
	u64 used = __mbox_used(box) + msg->len, bytes;
	struct mbox_msg *worst;
	int plan, ret;

	plan = __mbox_plan_drop(box, msg, &bytes);
	if (plan == -ENOSPC || (plan == -EAGAIN && !__mbox_can_fit(box, msg)))
		return -ENOSPC;
	ret = __mbox_reserve(box, used, after);
	if (ret)
		ret = __mbox_reserve(box, used - bytes, after);
	if (ret)
		return ret;
	while (!__mbox_fits(box, msg->len)) {
		if (__mbox_step_full(after))
			return -EAGAIN;
		after->visits++;
		worst = __mbox_first_dead(box);
		if (!worst)
			worst = mbox_store_oldest(&box->store, 0);
		trace_mboxfs_drop(box, worst);
		__mbox_discard(box, worst, after);
		box->dropped_total++;
	}
	return 0;
}

/**
 * __mbox_make_room - see whether a message can be taken now
 * @box:	the mailbox
 * @msg:	the message
 * @after:	of this step
 *
 * Room is made if that is the policy. What it needs of the ceilings is reserved
 * then.
 *
 * Context: lock held.
 * Return: 0, -EAGAIN if it would have to wait, or the error for its sender:
 * -EEXIST for what is to be sent only once, and has been.
 */
int __mbox_make_room(struct mbox *box, struct mbox_msg *msg,
		     struct mbox_after *after)
{
	if (unlikely(msg->len > __mbox_max_length(box)))
		return -EMSGSIZE;
	if (unlikely(msg->extra && msg->extra->once) &&
	    msg->tag <= box->once_tag)
		return -EEXIST;
	if (likely(__mbox_fits(box, msg->len)))
		return __mbox_reserve(box, __mbox_used(box) + msg->len, after);
	switch (__mbox_limit(box, MBOX_WHEN_FULL)) {
	case MBOXFS_WHEN_FULL_FAIL:
		return -ENOSPC;
	case MBOXFS_WHEN_FULL_DROP_OLDEST:
		return __mbox_drop_oldest(box, msg, after);
	default:
		return -EAGAIN;
	}
}

/**
 * __mbox_may_bring - whether a message may wait, along with those that do so
 * @box:	the mailbox
 * @len:	its length
 *
 * Context: lock held.
 */
bool __mbox_may_bring(const struct mbox *box, u32 len)
{
	u64 bytes = box->waiting_bytes, max = __mbox_limit(box, MBOX_MAX_BYTES);

	return !bytes || (bytes <= max && len <= max - bytes);
}

/**
 * __mbox_leave_writers - someone is going to wait for room no more
 * @box:	the mailbox
 * @writer:	who is in @writers, or in @lobby without a message
 *
 * Context: lock held.
 */
void __mbox_leave_writers(struct mbox *box, const struct mbox_waiter *writer)
{
	if (writer->msg)
		box->waiting_bytes -= writer->msg->len;
}
