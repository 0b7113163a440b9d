// SPDX-License-Identifier: GPL-2.0-only
/*
 * What becomes readable meets who waits for it, room meets who waits for room,
 * and the end those for whom it is one; see MBOX_FAIR and MBOX_SETTLE in match.h.
 * "__" means that the mailbox's lock is held.
 */
#include "match.h"

#include <linux/kernel.h>
#include <linux/timekeeping.h>

#include "clock.h"
#include "outcome.h"
#include "search.h"

/* What has become of a message that was offered. */
enum mbox_offer {
	MBOX_TAKEN,	/* a reader has it */
	MBOX_UNWANTED,	/* nobody waits who wants it */
	MBOX_LATER,	/* the step is full before all have been asked */
};

/* Give a message to those who wait and want it, in order. */
static enum mbox_offer __mbox_offer(struct mbox *box, struct mbox_msg *msg,
				    struct mbox_after *after)
{
	struct mbox_waiter *reader;

	while ((reader = mbox_readers_find(&box->readers, msg, NULL,
					   UINT_MAX))) {
		if (__mbox_step_full(after))
			return MBOX_LATER;
		if (mbox_too_long(msg, reader->want)) {
			reader->msg = NULL;
			reader->len = msg->len;
			mbox_end_wait(reader, -EMSGSIZE, after);
			continue;
		}
		reader->msg = msg;
		mbox_end_wait(reader, 0, after);
		if (reader->want->flags & MBOX_PEEK) {
			refcount_inc(&msg->refs);
			continue;
		}
		if (mbox_msg_stored(msg))
			__mbox_unstore(box, msg);
		__mbox_begin_copy(box, msg);
		return MBOX_TAKEN;
	}
	return MBOX_UNWANTED;
}

/* A message is readable: for who waits for it, or else in the store. */
static void __mbox_place(struct mbox *box, struct mbox_msg *msg, bool back,
			 struct mbox_after *after)
{
	enum mbox_offer offer = MBOX_UNWANTED;

	if (unlikely(box->readers.waiting))
		offer = __mbox_offer(box, msg, after);
	if (offer == MBOX_TAKEN)
		return;
	if (unlikely(box->search) && __mbox_found(box, msg, back))
		return;
	if (back)
		mbox_store_put_back(&box->store, msg);
	else
		mbox_store_add(&box->store, msg);
	if (unlikely(mbox_msg_ttl(msg)))
		__mbox_expire_at(box, msg);
	if (unlikely(offer == MBOX_LATER))
		box->parked = msg;
	after->readable++;
	after->event = true;
}

/* The time to live begins, or goes on after it has stood still. */
static void __mbox_begin_life(struct mbox_msg *msg, u64 now)
{
	u64 left = msg->extra->left;

	if (!left)
		left = (u64)mbox_msg_ttl(msg) * NSEC_PER_MSEC;
	msg->extra->left = 0;
	msg->time = (now ? now : ktime_get_boottime_ns()) + left;
}

/**
 * __mbox_publish - a message that has been sent becomes readable
 * @box:	the mailbox
 * @msg:	the message
 * @now:	CLOCK_BOOTTIME, ns, or 0 if the caller does not know
 * @after:	of this step; is it full, nothing else is to be published in it
 *
 * Context: lock held.
 */
void __mbox_publish(struct mbox *box, struct mbox_msg *msg, u64 now,
		    struct mbox_after *after)
{
	msg->order = ++box->published;
	after->visits++;
	mbox_sum_add(&box->held, msg);
	if (unlikely(mbox_msg_ttl(msg)))
		__mbox_begin_life(msg, now);
	__mbox_place(box, msg, false, after);
}

/**
 * __mbox_due - when a message that is sent now is due
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 * Return: CLOCK_BOOTTIME, ns; 0: at once.
 */
u64 __mbox_due(const struct mbox *box, const struct mbox_msg *msg)
{
	u64 delay = msg->time;

	if (likely(delay == MBOX_DELAY_DEFAULT))
		delay = __mbox_limit(box, MBOX_SEND_DELAY_MS) * NSEC_PER_MSEC;
	if (likely(!delay))
		return 0;
	/* Beyond what a clock can show is for ever. */
	delay = min_t(u64, delay, KTIME_MAX / 2);
	return ktime_get_boottime_ns() + delay;
}

/**
 * __mbox_accept - a message that fits is the mailbox's now
 * @box:	the mailbox
 * @msg:	the message
 * @now:	CLOCK_REALTIME, ns
 * @after:	of this step
 *
 * Context: lock held.
 */
void __mbox_accept(struct mbox *box, struct mbox_msg *msg, u64 now,
		   struct mbox_after *after)
{
	u64 due = __mbox_due(box, msg);

	__mbox_stamp(box, msg, now);
	if (unlikely(msg->extra && msg->extra->once))
		box->once_tag = msg->tag;
	after->event = true;
	if (unlikely(due))
		__mbox_delay(box, msg, due);
	else
		__mbox_publish(box, msg, 0, after);
}

/* A sender who had to leave while its message was copied can leave now. */
static bool __mbox_let_sender_leave(struct mbox *box, struct mbox_msg *msg,
				    struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra->sender;
	int why = sender ? sender->leaving : 0;

	if (sender && box->stopped)
		why = __mbox_refusal(box);
	if (!why)
		return false;
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	mbox_end_wait(sender, why, after);
	return true;
}

/* Whether a message that comes back is to go; then it does. */
static bool __mbox_gone_meanwhile(struct mbox *box, struct mbox_msg *msg,
				  struct mbox_after *after)
{
	if (msg->order <= box->purged) {
		__mbox_discard(box, msg, after);
		box->purged_total++;
		return true;
	}
	if (likely(!msg->extra))
		return false;
	if (msg->extra->orphan) {
		__mbox_discard(box, msg, after);
		box->revoked_total++;
		return true;
	}
	return __mbox_let_sender_leave(box, msg, after);
}

/**
 * __mbox_die - a message has been tried enough
 * @box:	the mailbox, which has its struct mbox_leases
 * @msg:	the message, which has an extra, counts in @held, and is nowhere
 * @after:	of this step
 *
 * It goes if that is the policy, or somebody waits for it.
 *
 * Context: lock held.
 */
void __mbox_die(struct mbox *box, struct mbox_msg *msg,
		struct mbox_after *after)
{
	if (__mbox_limit(box, MBOX_WHEN_DEAD) == MBOXFS_WHEN_DEAD_KEEP &&
	    !msg->extra->sender) {
		__mbox_lay_dead(box, msg);
		trace_mboxfs_bury(box, msg);
		return;
	}
	trace_mboxfs_drop(box, msg);
	__mbox_discard(box, msg, after);
	box->dropped_total++;
}

/**
 * __mbox_put_back - a message comes back from a reader who could not copy it
 * @box:	the mailbox
 * @msg:	the message, not counted in @copying any more
 * @after:	of this step; is it full, nothing else is to come back in it
 *
 * It is the next one again, unless it is to go; or dead, if it has been.
 *
 * Context: lock held.
 */
void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
		     struct mbox_after *after)
{
	after->visits++;
	if (__mbox_gone_meanwhile(box, msg, after))
		return;
	if (unlikely(msg->extra && msg->extra->was_dead))
		__mbox_die(box, msg, after);
	else
		__mbox_place(box, msg, true, after);
}

/* Whether a message whose lease ends so is dead. */
static bool __mbox_is_dead(const struct mbox *box, const struct mbox_msg *msg,
			   enum mbox_end end)
{
	u64 most = __mbox_limit(box, MBOX_MAX_ATTEMPTS);

	if (end == MBOX_END_BURIED || (most && msg->extra->attempts >= most))
		return true;
	/* Who only looks after the dead, and dies, revives nobody. */
	return end == MBOX_END_LAPSED && msg->extra->was_dead;
}

/**
 * __mbox_end_lease - a lease ends without having been acknowledged
 * @box:	the mailbox
 * @msg:	a message on lease
 * @end:	how it ends
 * @due:	when the message is to be readable, CLOCK_BOOTTIME, ns; 0: at once
 * @after:	of this step; is it full, nothing else is to come back in it
 *
 * The time to live goes on; but what is delayed comes in as new.
 *
 * Context: lock held.
 */
void __mbox_end_lease(struct mbox *box, struct mbox_msg *msg,
		      enum mbox_end end, u64 due, struct mbox_after *after)
{
	after->visits++;
	__mbox_unlease(box, msg);
	if (__mbox_gone_meanwhile(box, msg, after))
		return;
	if (__mbox_is_dead(box, msg, end)) {
		__mbox_die(box, msg, after);
		return;
	}
	msg->extra->was_dead = false;
	box->leases->returned_total++;
	trace_mboxfs_return(box, msg);
	if (due) {
		msg->extra->left = 0;
		mbox_sum_sub(&box->held, msg);
		__mbox_delay(box, msg, due);
		return;
	}
	if (mbox_msg_ttl(msg))
		__mbox_begin_life(msg, 0);
	__mbox_place(box, msg, true, after);
}

/**
 * __mbox_catch_up_now - __mbox_catch_up() where something may be due
 * @box:	the mailbox
 * @after:	of this step
 *
 * Context: lock held.
 * Return: whether there is more to do after a batch.
 */
bool __mbox_catch_up_now(struct mbox *box, struct mbox_after *after)
{
	struct mbox_msg *msg;
	u64 now = ktime_get_boottime_ns();

	while (!__mbox_step_full(after) && __mbox_next_due(box) <= now) {
		msg = __mbox_first_due(box);
		__mbox_undelay(box, msg);
		trace_mboxfs_publish(box, msg);
		__mbox_publish(box, msg, now, after);
	}
	while (!__mbox_step_full(after) && __mbox_next_expiry(box) <= now) {
		msg = __mbox_first_expiring(box);
		if (msg->state == MBOX_MSG_LEASED) {
			__mbox_end_lease(box, msg, MBOX_END_LAPSED, 0, after);
			continue;
		}
		trace_mboxfs_expire(box, msg);
		__mbox_discard(box, msg, after);
		box->expired_total++;
		after->visits++;
	}
	return __mbox_step_full(after);
}

/* Go on offering what has not been offered to all; whether that is done. */
static bool __mbox_offer_parked(struct mbox *box, struct mbox_after *after)
{
	struct mbox_msg *msg = box->parked;

	if (likely(!msg))
		return true;
	if (__mbox_offer(box, msg, after) == MBOX_LATER)
		return false;
	box->parked = NULL;
	return true;
}

/* Take the message of a writer who has waited, and let him go. */
static void __mbox_let_in(struct mbox *box, struct mbox_waiter *writer,
			  struct mbox_after *after)
{
	struct mbox_msg *msg = writer->msg;

	__mbox_leave_writers(box, writer);
	if (writer->sync) {
		/* He goes on waiting, for another thing. */
		list_move_tail(&writer->node, &box->rendezvous);
		writer->stops = box->stops;
		msg->extra->sender = writer;
	} else {
		writer->msg = NULL;
		mbox_end_wait(writer, 0, after);
	}
	__mbox_accept(box, msg, ktime_get_real_ns(), after);
}

/*
 * Let waiting writers in: in order, as long as the first one fits; see MBOX_FAIR.
 * Returns whether that is all; if not, the step is full.
 */
static bool __mbox_admit(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *writer;
	int ret;

	while (!list_empty(&box->writers)) {
		if (__mbox_step_full(after))
			return false;
		writer = list_first_entry(&box->writers, struct mbox_waiter,
					  node);
		ret = __mbox_make_room(box, writer->msg, after);
		if (ret == -EDQUOT && after->full)
			break;
		if (ret == -EAGAIN)
			return !__mbox_step_full(after);
		if (!ret) {
			__mbox_let_in(box, writer, after);
			continue;
		}
		__mbox_leave_writers(box, writer);
		mbox_end_wait(writer, ret, after);
	}
	return true;
}

/*
 * The next one who waits without a message may bring it. One for each step: it
 * makes one itself when it comes back, or gives up. Returns that this is all.
 */
static bool __mbox_call_in(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *next;

	next = list_first_entry_or_null(&box->lobby, struct mbox_waiter, node);
	if (unlikely(next) && __mbox_may_bring(box, next->len))
		mbox_end_wait(next, MBOX_AGAIN, after);
	return true;
}

/* Senders leave what is stopped, with their messages; whether all have. */
static bool __mbox_refuse(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *sender;

	while (__mbox_writers_wait(box)) {
		if (__mbox_step_full(after))
			return false;
		sender = list_first_entry(list_empty(&box->writers) ?
						  &box->lobby : &box->writers,
					  struct mbox_waiter, node);
		__mbox_leave_writers(box, sender);
		mbox_end_wait(sender, __mbox_refusal(box), after);
	}
	while (!list_empty(&box->rendezvous)) {
		sender = list_first_entry(&box->rendezvous, struct mbox_waiter,
					  node);
		if (sender->stops == box->stops)
			break;
		if (__mbox_step_full(after))
			return false;
		if (__mbox_withdraw(box, sender)) {
			mbox_end_wait(sender, __mbox_refusal(box), after);
			continue;
		}
		/* What is being copied is its reader's to decide. */
		sender->stops = box->stops;
		list_move_tail(&sender->node, &box->rendezvous);
		after->visits++;
	}
	return true;
}

/* Readers leave for whom nothing will come; whether all have. */
static bool __mbox_end_readers(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *reader;

	while (__mbox_at_eof(box)) {
		if (__mbox_step_full(after))
			return false;
		reader = list_first_entry(&box->readers.eof, struct mbox_waiter,
					  node);
		mbox_end_wait(reader, -ENODATA, after);
	}
	while (__mbox_over(box) && box->readers.waiting) {
		if (__mbox_step_full(after))
			return false;
		mbox_end_wait(mbox_readers_first(&box->readers), -ESHUTDOWN,
			      after);
	}
	return true;
}

/* Tell those who poll what has come about. */
static void __mbox_note_events(struct mbox *box, struct mbox_after *after)
{
	bool drained = __mbox_over(box) && mbox_store_empty(&box->store);

	if (box->owes_room && __mbox_writable(box)) {
		box->owes_room = false;
		after->writable = true;
		after->event = true;
	}
	if (drained && !box->drained) {
		after->hangup = true;
		after->event = true;
	}
	box->drained = drained;
}

/**
 * __mbox_settle - do what the state of a mailbox asks for, see MBOX_SETTLE
 * @box:	the mailbox
 * @after:	of this step, which ends with this
 *
 * Context: lock held.
 */
void __mbox_settle(struct mbox *box, struct mbox_after *after)
{
	bool done;

	/* Room that has just become free may be above a lowered ceiling. */
	__mbox_give_back(box);
	done = __mbox_offer_parked(box, after);
	if (done && box->stopped)
		done = __mbox_refuse(box, after);
	else if (done)
		done = __mbox_admit(box, after) && __mbox_call_in(box, after);
	if (done)
		done = __mbox_end_readers(box, after);
	box->unsettled = !done;
	after->more |= !done;
	__mbox_give_back(box);
	__mbox_note_events(box, after);
}

static bool mbox_would_take(const struct mbox_waiter *reader,
			    const struct mbox_msg *msg)
{
	return !(reader->want->flags & MBOX_PEEK) &&
	       !mbox_too_long(msg, reader->want);
}

/**
 * __mbox_wanted - whether someone waits who would take a message
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 */
bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg)
{
	return mbox_readers_find(&box->readers, msg, mbox_would_take,
				 MBOX_BATCH);
}
