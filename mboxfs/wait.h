/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tasks that wait: what for, queues of them, and how a wait ends. Knows no mailbox
 * but as something that is waited for. "__" means that the lock of the queue is
 * held.
 *
 * MBOX_HANDOFF: who ends a wait, ends it for good.
 *	A task waits with a struct mbox_waiter on its stack. Whoever ends the
 *	wait takes the waiter off its queue under the lock, having written the
 *	result (and, for a reader, the message) into it; from then on nothing
 *	can change that result, neither a signal nor what becomes of the
 *	mailbox. After the unlock the waker stores @ended, with release
 *	semantics, having taken a reference to the task before:
 *
 *		waker				waiter
 *		get_task_struct(task)
 *		store_release(ended, true)
 *						load_acquire(ended): true
 *						reads result, returns, exits:
 *						the waiter's stack is gone
 *		wake_up_process(task)
 *		put_task_struct(task)
 *
 *	A waiter that is interrupted takes the lock. Still queued, it takes
 *	itself off: no trace is left. Not queued any more, its wait is over
 *	already and it sleeps for the moment that the waker needs to say so.
 *	set_current_state() before the load pairs with the full barrier in
 *	wake_up_process(), as always.
 */
#ifndef _MBOXFS_WAIT_H
#define _MBOXFS_WAIT_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct mbox;
struct mbox_msg;
struct mbox_place;
struct pid_namespace;
struct task_struct;

/* How to send or receive. */
#define MBOX_NONBLOCK	0x01	/* -EAGAIN instead of waiting */
#define MBOX_WHOLE	0x02	/* -EMSGSIZE rather than too little room */
#define MBOX_EOF	0x04	/* obey when_empty: -ENODATA for "eof" */
#define MBOX_PEEK	0x08	/* the message stays */
#define MBOX_SYNC	0x10	/* return when it has been received */
#define MBOX_FROM	0x20	/* only from one process */
#define MBOX_TAGGED	0x40	/* only with one tag */
#define MBOX_ONCE	0x80	/* send only with the highest tag so far */

/* Not every message will do. */
#define MBOX_CHOOSY	(MBOX_PEEK | MBOX_FROM | MBOX_TAGGED)

/* The message is gone: it is to be made again, and sent. */
#define MBOX_AGAIN	(-ERESTART)

/* For ever, as a timeout. */
#define MBOX_FOREVER	(-1)

/**
 * struct mbox_want - what a reader wants
 * @flags:	MBOX_*
 * @sender:	with MBOX_FROM: the process
 * @ns:		with MBOX_FROM: the pid namespace that knows it by that number
 * @room:	bytes of room, which matters with MBOX_WHOLE
 * @len:	set with -EMSGSIZE: the length of the message that stays
 * @tag:	with MBOX_TAGGED: the tag
 * @timeout:	ns to wait at most, or MBOX_FOREVER; gets what is left of it with
 *		-ERESTARTNOHAND
 */
struct mbox_want {
	unsigned int		flags;
	pid_t			sender;
	struct pid_namespace	*ns;
	size_t			room;
	u32			len;
	u64			tag;
	s64			timeout;
};

/**
 * struct mbox_waiter - a task that waits, on its own stack
 * @node:	in a queue, later on a list of ended waits
 * @by_want:	instead of in a queue: in a tree of readers, see readers.c
 * @tree:	that tree, or NULL
 * @task:	who waits
 * @prio:	its real-time priority; all others are equal
 * @ticket:	when it came; of two with the same @prio the lower one is
 *		served first
 * @where:	what is waited for, see place.c
 * @place:	that of a wait which this one goes on with, or NULL
 * @deadline:	when the wait ends, if it has a timeout
 * @waiting:	the counter of those who wait like this
 * @queued:	still waiting; guarded by the lock of the queue
 * @ended:	the wait is over and the waker is gone, see MBOX_HANDOFF
 * @sync:	a writer who waits until its message has been received
 * @leaving:	a sender who has to go as soon as its message is not being
 *		copied any more: with which error
 * @result:	0 or an error
 * @stops:	how often the mailbox had been stopped when this rendezvous was
 *		last looked at
 * @box:	of whom: readers and writers
 * @want:	what a reader waits for
 * @msg:	what a writer sends, as long as it is the writer's; what a
 *		rendezvous waits for; what a reader got
 * @len:	of the message that was too long for a reader
 */
struct mbox_waiter {
	union {
		struct list_head	node;
		struct rb_node		by_want;
	};
	struct rb_root		*tree;
	struct task_struct	*task;
	int			prio;
	u64			ticket;
	const void		*where;
	struct mbox_place	*place;
	ktime_t			deadline;
	u32			*waiting;
	bool			queued;
	bool			ended;
	bool			sync;
	int			leaving;
	int			result;
	u32			stops;
	struct mbox		*box;
	const struct mbox_want	*want;
	struct mbox_msg		*msg;
	u32			len;
};

/* Leaves a queue, if that is possible; see mbox_leave(). */
typedef bool (*mbox_leave_t)(struct mbox_waiter *waiter, int why, bool at_once);

void mbox_waiter_resume(struct mbox_waiter *waiter, const void *where,
			s64 timeout);
void mbox_waiter_begin(struct mbox_waiter *waiter, u32 *waiting);
void __mbox_queue(struct list_head *queue, struct mbox_waiter *waiter);
void __mbox_unqueue(struct mbox_waiter *waiter);
void __mbox_end_wait(struct mbox_waiter *waiter, int result,
		     struct list_head *ended);
int mbox_wait(struct mbox_waiter *waiter, s64 *timeout, mbox_leave_t leave);
void mbox_wake(struct list_head *ended);

/* Whether @a is served before @b, which may be NULL. */
static inline bool mbox_waiter_before(const struct mbox_waiter *a,
				      const struct mbox_waiter *b)
{
	if (!b || a->prio != b->prio)
		return !b || a->prio < b->prio;
	return a->ticket < b->ticket;
}

#endif /* _MBOXFS_WAIT_H */
