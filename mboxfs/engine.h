/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the engine share: queue.c, send.c, receive.c, wait.c and
 * delay.c. The rules are in queue.h. "__" means that the mailbox's lock is held.
 */
#ifndef _MBOXFS_ENGINE_H
#define _MBOXFS_ENGINE_H

#include "queue.h"

#include "uapi/linux/mboxfs.h"

/* Messages handled before the lock is let go for a moment. */
#define MBOX_BATCH		1000

/**
 * struct mbox_waiter - a task that waits, on its own stack
 * @node:	in a queue, later on a list of ended waits
 * @task:	who waits
 * @prio:	its real-time priority; all others are equal
 * @waiting:	the counter of those who wait like this
 * @queued:	still waiting; guarded by the lock of the queue
 * @ended:	the wait is over and the waker is gone, see MBOX_HANDOFF
 * @leaving:	a sender who has to go as soon as its message is not being
 *		copied any more: with which error
 * @result:	0 or an error
 * @box:	of whom: readers and writers
 * @want:	what a reader waits for
 * @msg:	what a writer sends, as long as it is the writer's; what a
 *		rendezvous waits for; what a reader got
 * @len:	of the message that was too long for a reader
 * @sync:	a writer who waits until its message has been received
 */
struct mbox_waiter {
	struct list_head	node;
	struct task_struct	*task;
	int			prio;
	u32			*waiting;
	bool			queued;
	bool			ended;
	bool			sync;
	int			leaving;
	int			result;
	struct mbox		*box;
	const struct mbox_want	*want;
	struct mbox_msg		*msg;
	u32			len;
};

/**
 * struct mbox_after - what a step has led to, done after the unlock
 * @ended:	waits that are over
 * @garbage:	messages to put
 * @readable:	messages that have become readable
 * @writable:	there is room now and was not before
 * @hangup:	the mailbox has been stopped, or is drained after that
 * @full:	a group whose holders are to give back what they do not need, and
 *		then the mailbox is to be settled; with a reference, or NULL
 * @was_writable: whether there was room when the step began
 */
struct mbox_after {
	struct list_head	ended;
	struct list_head	garbage;
	unsigned int		readable;
	bool			writable;
	bool			hangup;
	bool			was_writable;
	struct mbox_group	*full;
};

/* Leaves a queue unless the wait has been ended; see mbox_leave(). */
typedef bool (*mbox_leave_t)(struct mbox_waiter *waiter, int why, bool killed);

static inline u64 __mbox_limit(const struct mbox *box, enum mbox_limit limit)
{
	return box->limits.value[limit];
}

/* Nothing can become readable any more. */
static inline bool __mbox_over(const struct mbox *box)
{
	return unlikely(box->stopped) && !box->delayed.messages &&
	       !box->copying.messages;
}

/* Body bytes for which limits and ceilings count. */
static inline u64 __mbox_used(const struct mbox *box)
{
	return box->held.bytes + box->delayed.bytes;
}

/* Keep reserved what is needed, and some more far from the ceilings. */
static inline void __mbox_give_back(struct mbox *box)
{
	u64 used = __mbox_used(box);

	if (unlikely(mbox_account_too_much(&box->account, used)))
		mbox_account_release(&box->account, used);
}

/* Why a stopped mailbox refuses messages. */
static inline int __mbox_refusal(const struct mbox *box)
{
	return box->dead ? box->dead : -ESHUTDOWN;
}

/* The next message to be received, or NULL. */
static inline struct mbox_msg *__mbox_first(struct mbox *box)
{
	return mbox_store_next(&box->store, NULL);
}

/* In queue.c */
void mbox_lock(struct mbox *box, struct mbox_after *after)
	__acquires(&box->lock);
void mbox_unlock(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock);
void __mbox_publish(struct mbox *box, struct mbox_msg *msg, u64 now,
		    struct mbox_after *after);
void __mbox_discard(struct mbox *box, struct mbox_msg *msg,
		    struct mbox_after *after);
void __mbox_unstore(struct mbox *box, struct mbox_msg *msg);
void __mbox_settle(struct mbox *box, struct mbox_after *after);

/* In send.c */
bool __mbox_writable(const struct mbox *box);
void __mbox_admit(struct mbox *box, struct mbox_after *after);
void mbox_cancel_sender(struct mbox_msg *msg, struct mbox_after *after);
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender);

/* In receive.c */
bool __mbox_hand_over(struct mbox *box, struct mbox_msg *msg,
		      struct mbox_after *after);
bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg);

/* In wait.c */
void __mbox_queue(struct list_head *queue, u32 *waiting,
		  struct mbox_waiter *waiter);
void __mbox_end_wait(struct mbox_waiter *waiter, int result,
		     struct mbox_after *after);
void __mbox_unqueue(struct mbox_waiter *waiter);
bool mbox_leave(struct mbox_waiter *waiter, int why, bool killed);
int mbox_wait(struct mbox_waiter *waiter, s64 timeout, mbox_leave_t leave);
void mbox_wake(struct list_head *ended);

/* In delay.c */
void __mbox_timed_init(struct mbox *box);
void mbox_timed_exit(struct mbox *box);
void __mbox_delay(struct mbox *box, struct mbox_msg *msg, u64 due);
void __mbox_undelay(struct mbox *box, struct mbox_msg *msg);
struct rb_root __mbox_take_delayed(struct mbox *box);
void mbox_free_delayed(struct mbox *box, struct rb_root *delayed);
void __mbox_expire_at(struct mbox *box, struct mbox_msg *msg);
void __mbox_unexpire(struct mbox *box, struct mbox_msg *msg);
bool __mbox_catch_up(struct mbox *box, struct mbox_after *after);
void __mbox_arm(struct mbox *box);

#endif /* _MBOXFS_ENGINE_H */
