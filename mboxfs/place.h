/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waits that are interrupted without having ended: by a stop, a debugger, the
 * freezer. The system call is restarted and goes on where it was.
 */
#ifndef _MBOXFS_PLACE_H
#define _MBOXFS_PLACE_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/types.h>

struct pid;

/**
 * struct mbox_place - the place of a task that had to leave
 * @hash:	by @pid
 * @age:	place among all, the oldest first
 * @pid:	the task, with a reference
 * @where:	what it has waited for
 * @ticket:	its place there
 * @deadline:	when its wait ends, if @timeout is not below 0
 * @timeout:	what it was told is left of that
 */
struct mbox_place {
	struct hlist_node	hash;
	struct list_head	age;
	struct pid		*pid;
	const void		*where;
	u64			ticket;
	ktime_t			deadline;
	s64			timeout;
};

extern unsigned int mbox_place_count;

bool mbox_signal_caught(void);
void mbox_place_keep(const void *where, u64 ticket, ktime_t deadline,
		     s64 timeout);
struct mbox_place *mbox_place_take(const void *where);
void mbox_place_free(struct mbox_place *place);
void mbox_place_forget(const void *where);

/**
 * mbox_place_drop - a call of the current task is over, whether or not it waited
 * @where:	what it may have waited for
 *
 * Context: any but interrupts; no lock held.
 */
static inline void mbox_place_drop(const void *where)
{
	if (unlikely(READ_ONCE(mbox_place_count)))
		mbox_place_free(mbox_place_take(where));
}

#endif /* _MBOXFS_PLACE_H */
