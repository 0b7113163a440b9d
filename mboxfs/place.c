// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits that are interrupted without having ended.
 *
 * A task that is stopped, traced or frozen has to leave the kernel, and so its
 * queue; then it makes the same system call again, with the same arguments. A
 * module must not be called back for that (it may be gone by then), so it is
 * remembered here who has been waiting where: it comes back to its place and
 * its deadline. A timeout that goes on is known by what is left of it, which
 * has been written to where the call finds it.
 *
 * Nobody can tell whether the call is ever made again, so what is remembered
 * is forgotten with what has been waited for, and if there is too much of it.
 */
#include "place.h"

#include <linux/hash.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/* No more than so many are remembered: the oldest goes for a new one. */
#define MBOX_PLACES	1024

static DEFINE_SPINLOCK(mbox_place_lock);	/* innermost */
static DEFINE_HASHTABLE(mbox_place_hash, 6);
static LIST_HEAD(mbox_place_list);
unsigned int mbox_place_count;	/* how many are remembered, of all */

/* Whether one of these signals runs a handler, or kills. */
static bool mbox_any_caught(const struct sighand_struct *sighand,
			    const sigset_t *pending)
{
	__sighandler_t handler;
	int sig;

	for (sig = 1; sig <= _NSIG; sig++) {
		if (!sigismember((sigset_t *)pending, sig) ||
		    sigismember(&current->blocked, sig))
			continue;
		handler = sighand->action[sig - 1].sa.sa_handler;
		if (handler != SIG_DFL ? handler != SIG_IGN :
					 !sig_kernel_stop(sig) &&
					 !sig_kernel_ignore(sig))
			return true;
	}
	return false;
}

/**
 * mbox_signal_caught - whether a handler is going to run, or the task to die
 *
 * Else what has interrupted the task is no signal, or one that stops it.
 *
 * Context: any but interrupts.
 */
bool mbox_signal_caught(void)
{
	/* That of the current task does not go. */
	struct sighand_struct *sighand =
		rcu_dereference_protected(current->sighand, true);
	bool caught;

	spin_lock_irq(&sighand->siglock);
	caught = mbox_any_caught(sighand, &current->pending.signal) ||
		 mbox_any_caught(sighand,
				 &current->signal->shared_pending.signal);
	spin_unlock_irq(&sighand->siglock);
	return caught;
}

static struct hlist_head *mbox_place_head(const struct pid *pid)
{
	return &mbox_place_hash[hash_ptr(pid, HASH_BITS(mbox_place_hash))];
}

static void __mbox_place_del(struct mbox_place *place)
{
	hlist_del(&place->hash);
	list_del(&place->age);
	WRITE_ONCE(mbox_place_count, mbox_place_count - 1);
}

/**
 * mbox_place_free - forget a place that has been taken
 * @place:	from mbox_place_take(), may be NULL
 *
 * Context: any but interrupts.
 */
void mbox_place_free(struct mbox_place *place)
{
	if (!place)
		return;
	put_pid(place->pid);
	kfree(place);
}

/**
 * mbox_place_keep - the current task has to leave, and will come back
 * @where:	what it has waited for
 * @ticket:	its place there
 * @deadline:	when its wait ends
 * @timeout:	what it is told is left of that, ns; below 0: for ever
 *
 * Without memory it comes back as a newcomer.
 *
 * Context: may sleep.
 */
void mbox_place_keep(const void *where, u64 ticket, ktime_t deadline,
		     s64 timeout)
{
	struct mbox_place *place = kmalloc(sizeof(*place), GFP_KERNEL_ACCOUNT);
	struct mbox_place *oldest = NULL;

	if (!place)
		return;
	*place = (struct mbox_place){
		.pid = get_pid(task_pid(current)),
		.where = where,
		.ticket = ticket,
		.deadline = deadline,
		.timeout = timeout,
	};
	spin_lock(&mbox_place_lock);
	if (mbox_place_count >= MBOX_PLACES) {
		oldest = list_first_entry(&mbox_place_list, struct mbox_place,
					  age);
		__mbox_place_del(oldest);
	}
	hlist_add_head(&place->hash, mbox_place_head(place->pid));
	list_add_tail(&place->age, &mbox_place_list);
	WRITE_ONCE(mbox_place_count, mbox_place_count + 1);
	spin_unlock(&mbox_place_lock);
	mbox_place_free(oldest);
}

/**
 * mbox_place_take - whether the current task comes back
 * @where:	what it is going to wait for
 *
 * If its timeout is not the one that is remembered, it is another wait.
 *
 * Context: any but interrupts.
 * Return: its place, for mbox_place_free(), or NULL.
 */
struct mbox_place *mbox_place_take(const void *where)
{
	struct pid *pid = task_pid(current);
	struct mbox_place *place, *found = NULL;

	if (likely(!READ_ONCE(mbox_place_count)))
		return NULL;
	spin_lock(&mbox_place_lock);
	hlist_for_each_entry(place, mbox_place_head(pid), hash) {
		if (place->pid == pid && place->where == where) {
			found = place;
			__mbox_place_del(found);
			break;
		}
	}
	spin_unlock(&mbox_place_lock);
	return found;
}

/**
 * mbox_place_forget - nothing can be waited for any more
 * @where:	what has been waited for
 *
 * Context: any but interrupts.
 */
void mbox_place_forget(const void *where)
{
	struct mbox_place *place, *next;
	LIST_HEAD(gone);

	if (likely(!READ_ONCE(mbox_place_count)))
		return;
	spin_lock(&mbox_place_lock);
	list_for_each_entry_safe(place, next, &mbox_place_list, age) {
		if (place->where == where) {
			__mbox_place_del(place);
			list_add(&place->age, &gone);
		}
	}
	spin_unlock(&mbox_place_lock);
	list_for_each_entry_safe(place, next, &gone, age)
		mbox_place_free(place);
}
