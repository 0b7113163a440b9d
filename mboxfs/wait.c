// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: queues of tasks, and how a wait ends; see MBOX_HANDOFF in wait.h.
 */
#include "wait.h"

#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "place.h"

/* Who waits can be frozen along with the machine, whatever the VFS holds. */
#define MBOX_INTERRUPTIBLE	(TASK_INTERRUPTIBLE | TASK_FREEZABLE_UNSAFE)
#define MBOX_KILLABLE		(TASK_KILLABLE | TASK_FREEZABLE_UNSAFE)
#define MBOX_ENDING		TASK_UNINTERRUPTIBLE

/* How many of those in front to look at for a place that is not the last. */
#define MBOX_PLACES		1000

/**
 * mbox_waiter_resume - the current task may have been waiting before
 * @waiter:	its waiter; gets its place and its deadline if so
 * @where:	what it is going to wait for
 * @timeout:	how long, ns, or MBOX_FOREVER
 *
 * To be followed by mbox_waiter_begin().
 *
 * Context: any but interrupts.
 */
void mbox_waiter_resume(struct mbox_waiter *waiter, const void *where,
			s64 timeout)
{
	struct mbox_place *place = mbox_place_take(where);
	bool same = place && place->timeout == max_t(s64, timeout, -1);

	waiter->where = where;
	waiter->place = place;
	waiter->ticket = same ? place->ticket : 0;
	waiter->deadline = same ? place->deadline : 0;
}

/*
 * A wait has been interrupted. If that is by a handler, or for good, it ends;
 * a wait with a timeout is not restarted then, as it would begin anew. If not,
 * the system call is made again at once, and goes on.
 */
static int mbox_interrupt(const struct mbox_waiter *waiter, s64 *timeout)
{
	bool finite = *timeout >= 0;
	s64 left;

	if (mbox_signal_caught())
		return finite ? -EINTR : -ERESTARTSYS;
	if (finite) {
		left = ktime_to_ns(ktime_sub(waiter->deadline, ktime_get()));
		*timeout = max_t(s64, left, 1);
	}
	mbox_place_keep(waiter->where, waiter->ticket, waiter->deadline,
			finite ? *timeout : -1);
	return finite ? -ERESTARTNOHAND : -ERESTARTSYS;
}

/**
 * mbox_waiter_begin - the current task is going to wait
 * @waiter:	its waiter
 * @waiting:	the counter of those who wait like this
 *
 * To be followed by queueing it, and by mbox_wait().
 *
 * Context: lock of the queue held.
 */
void mbox_waiter_begin(struct mbox_waiter *waiter, u32 *waiting)
{
	waiter->task = current;
	waiter->prio = min(current->prio, MAX_RT_PRIO);
	waiter->tree = NULL;
	waiter->waiting = waiting;
	waiter->queued = true;
	waiter->ended = false;
	(*waiting)++;
}

/**
 * __mbox_queue - put a waiter into its place in a queue
 * @queue:	where: real-time tasks first, by priority, then by arrival
 * @waiter:	from mbox_waiter_begin(); @ticket, where arrival is not now
 *
 * Context: lock held.
 */
void __mbox_queue(struct list_head *queue, struct mbox_waiter *waiter)
{
	unsigned int places = MBOX_PLACES;
	struct mbox_waiter *other;

	if (likely(list_empty(queue) ||
		   !mbox_waiter_before(waiter, list_last_entry(queue,
							       struct mbox_waiter,
							       node)))) {
		list_add_tail(&waiter->node, queue);
		return;
	}
	list_for_each_entry(other, queue, node) {
		if (mbox_waiter_before(waiter, other))
			break;
		if (!--places) {
			list_add_tail(&waiter->node, queue);
			return;
		}
	}
	list_add_tail(&waiter->node, &other->node);
}

/**
 * __mbox_unqueue - take a waiter off its queue
 * @waiter:	who waits
 *
 * Context: lock held.
 */
void __mbox_unqueue(struct mbox_waiter *waiter)
{
	if (unlikely(waiter->tree))
		rb_erase(&waiter->by_want, waiter->tree);
	else
		list_del(&waiter->node);
	waiter->queued = false;
	(*waiter->waiting)--;
}

/**
 * __mbox_end_wait - end a wait for good
 * @waiter:	who waits
 * @result:	what for: 0 or an error
 * @ended:	for mbox_wake()
 *
 * Context: lock held.
 */
void __mbox_end_wait(struct mbox_waiter *waiter, int result,
		     struct list_head *ended)
{
	__mbox_unqueue(waiter);
	waiter->result = result;
	list_add_tail(&waiter->node, ended);
}

/**
 * mbox_wake - let the tasks go whose waits have ended
 * @ended:	their waiters; none of them can be touched afterwards
 *
 * Context: may sleep; no lock held.
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
		cond_resched();
	}
}

/* Why a task does not want to wait any longer, or 0. */
static int mbox_why(unsigned int state, bool expired)
{
	if (state == MBOX_INTERRUPTIBLE && signal_pending(current))
		return -EINTR;
	if (state == MBOX_KILLABLE && fatal_signal_pending(current))
		return -EINTR;
	return state != MBOX_ENDING && expired ? -ETIMEDOUT : 0;
}

/**
 * mbox_wait - wait until the wait is ended, or a signal or the timeout comes
 * @waiter:	queued, from mbox_waiter_resume()
 * @timeout:	ns, or MBOX_FOREVER; gets what is left with -ERESTARTNOHAND
 * @leave:	leaves without what has been waited for, if it can, see
 *		mbox_leave()
 *
 * Context: no lock held; sleeps.
 * Return: what the wait was ended with; or -ETIMEDOUT; -ERESTARTSYS, or with a
 * timeout -EINTR, or -ERESTARTNOHAND if no handler is going to run.
 */
int mbox_wait(struct mbox_waiter *waiter, s64 *timeout, mbox_leave_t leave)
{
	unsigned int state = waiter->leaving ? MBOX_KILLABLE :
					       MBOX_INTERRUPTIBLE;
	bool finite = *timeout >= 0, expired = false;
	int why = 0;

	mbox_place_free(waiter->place);
	if (finite && !waiter->deadline)
		waiter->deadline = ktime_add_safe(ktime_get(), *timeout);

	for (;;) {
		set_current_state(state);
		/* See MBOX_HANDOFF; pairs with the release in mbox_wake(). */
		if (smp_load_acquire(&waiter->ended))
			break;
		why = mbox_why(state, expired);
		if (why) {
			__set_current_state(TASK_RUNNING);
			if (leave(waiter, why,
				  expired || state == MBOX_KILLABLE))
				return why == -EINTR ?
					mbox_interrupt(waiter, timeout) : why;
			/* An outcome comes soon; if not even that matters, now. */
			state = expired || state == MBOX_KILLABLE ?
					MBOX_ENDING : MBOX_KILLABLE;
			continue;
		}
		if (finite && state != MBOX_ENDING)
			expired = !schedule_hrtimeout_range(&waiter->deadline,
							    0,
							    HRTIMER_MODE_ABS);
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	/* It has got away from a reader who could not copy, as it wanted to. */
	if (unlikely(waiter->result == -EINTR))
		return mbox_interrupt(waiter, timeout);
	return waiter->result;
}
