// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: queues of tasks, and how a wait ends. See MBOX_HANDOFF and
 * MBOX_RENDEZVOUS in queue.h.
 */
#include "engine.h"

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

/**
 * __mbox_queue - the current task is going to wait
 * @queue:	where: real-time tasks first, by priority, then by arrival
 * @waiting:	the counter of those who wait like this
 * @waiter:	set up but for what this sets
 *
 * To be followed by mbox_wait().
 *
 * Context: lock held.
 */
void __mbox_queue(struct list_head *queue, u32 *waiting,
		  struct mbox_waiter *waiter)
{
	struct mbox_waiter *prev;

	waiter->task = current;
	waiter->prio = min(current->prio, MAX_RT_PRIO);
	waiter->waiting = waiting;
	waiter->queued = true;
	waiter->ended = false;
	(*waiting)++;
	list_for_each_entry_reverse(prev, queue, node)
		if (prev->prio <= waiter->prio)
			break;
	/* Behind @prev, or behind the head if nobody is to stay in front. */
	list_add(&waiter->node, &prev->node);
}

/**
 * __mbox_unqueue - take a waiter off its queue
 * @waiter:	who waits
 *
 * Context: lock held.
 */
void __mbox_unqueue(struct mbox_waiter *waiter)
{
	list_del(&waiter->node);
	waiter->queued = false;
	(*waiter->waiting)--;
}

/**
 * __mbox_end_wait - end a wait for good
 * @waiter:	who waits
 * @result:	what for: 0 or an error
 * @after:	wakes it
 *
 * Context: lock held.
 */
void __mbox_end_wait(struct mbox_waiter *waiter, int result,
		     struct mbox_after *after)
{
	__mbox_unqueue(waiter);
	waiter->result = result;
	list_add_tail(&waiter->node, &after->ended);
	after->more = true;
}

/**
 * mbox_wake - let the tasks go whose waits have ended
 * @ended:	their waiters; none of them can be touched afterwards
 *
 * Context: no lock held.
 */
void mbox_wake(struct list_head *ended)
{
	struct mbox_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, ended, node) {
		struct task_struct *task = get_task_struct(waiter->task);

		/* Pairs with the acquire in mbox_wait(); @waiter may go now. */
		smp_store_release(&waiter->ended, true);
		wake_up_process(task);
		put_task_struct(task);
	}
}

/**
 * mbox_leave - leave a mailbox without what one has waited for
 * @waiter:	who waits
 * @why:	a signal or a timeout
 * @killed:	not even the outcome is waited for
 *
 * What the waiter stood in the way of goes on.
 *
 * Context: no lock held.
 * Return: whether it has left. If not, the wait has been ended, or it is a
 * rendezvous whose message is being copied: then the outcome is to be waited
 * for, unless @killed.
 */
bool mbox_leave(struct mbox_waiter *waiter, int why, bool killed)
{
	struct mbox_msg *msg = waiter->msg;
	struct mbox *box = waiter->box;
	struct mbox_after after;
	bool left = false;

	mbox_lock(box, &after);
	if (waiter->queued) {
		left = true;
		if (msg && msg->state == MBOX_MSG_COPYING) {
			waiter->leaving = why;
			left = killed;
			if (killed) {
				msg->extra->sender = NULL;
				msg->extra->orphan = true;
				waiter->msg = NULL;
			}
		} else if (msg && msg->state != MBOX_MSG_OUTSIDE) {
			__mbox_withdraw(box, waiter);
		}
	}
	if (left) {
		__mbox_unqueue(waiter);
		__mbox_settle(box, &after);
	}
	mbox_unlock(box, &after);
	return left;
}

/* Why a task does not want to wait any longer, or 0. */
static int mbox_why(bool finite, bool expired)
{
	if (signal_pending(current))
		return finite ? -EINTR : -ERESTARTSYS;
	return expired ? -ETIMEDOUT : 0;
}

/**
 * mbox_wait - wait until the wait is ended, or a signal or the timeout comes
 * @waiter:	queued by __mbox_queue()
 * @timeout:	ns, or MBOX_FOREVER
 * @leave:	leaves without what has been waited for, if it can, see
 *		mbox_leave()
 *
 * A wait with a timeout is never restarted, as it would begin anew.
 *
 * Context: no lock held; sleeps.
 * Return: what the wait was ended with; or -ERESTARTSYS, -EINTR, -ETIMEDOUT.
 */
int mbox_wait(struct mbox_waiter *waiter, s64 timeout, mbox_leave_t leave)
{
	bool finite = timeout >= 0, expired = false;
	unsigned int state = TASK_INTERRUPTIBLE;
	ktime_t deadline = 0;
	int why = 0;

	if (waiter->leaving)
		state = TASK_KILLABLE;
	if (finite)
		deadline = ktime_add_safe(ktime_get(), timeout);

	for (;;) {
		set_current_state(state);
		/* See MBOX_HANDOFF; pairs with the release in mbox_wake(). */
		if (smp_load_acquire(&waiter->ended))
			break;
		if (state == TASK_INTERRUPTIBLE)
			why = mbox_why(finite, expired);
		else if (state == TASK_KILLABLE && fatal_signal_pending(current))
			why = -EINTR;
		else
			why = 0;
		if (why) {
			__set_current_state(TASK_RUNNING);
			if (leave(waiter, why, state == TASK_KILLABLE))
				return why;
			/* Nothing but the end can come once it is killed. */
			state = state == TASK_INTERRUPTIBLE ?
				TASK_KILLABLE : TASK_UNINTERRUPTIBLE;
			continue;
		}
		if (finite && state == TASK_INTERRUPTIBLE)
			expired = !schedule_hrtimeout_range(&deadline, 0,
							    HRTIMER_MODE_ABS);
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	return waiter->result;
}
