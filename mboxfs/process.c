// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that own something which ends with them.
 *
 * A process is its struct pid, not its number. It has ended when none of its
 * threads is left, even if nobody has waited for it yet; the main thread may
 * have left long before. Those who want to know when hang on the queue that
 * pidfds use: it is woken with interrupts off and a lock held that everybody
 * needs, so all that is done there is to queue work, which then looks again.
 */
#include "process.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

static struct workqueue_struct *mbox_process_workqueue;

/* Under RCU: the process, if it is one of user space and a thread is left. */
static struct task_struct *mbox_pid_task(struct pid *pid)
{
	struct task_struct *task = pid_task(pid, PIDTYPE_TGID);

	if (!task || (task->flags & PF_KTHREAD) ||
	    !atomic_read(&task->signal->live))
		return NULL;
	return task;
}

/**
 * mbox_pid_alive - whether a process has a thread that has not ended
 * @pid:	the process
 *
 * Context: any.
 */
bool mbox_pid_alive(struct pid *pid)
{
	bool alive;

	rcu_read_lock();
	alive = mbox_pid_task(pid);
	rcu_read_unlock();
	return alive;
}

/**
 * mbox_process_find - find a process by its number
 * @number:	the number
 * @ns:		the pid namespace that knows it by that number
 * @uid:	gets its effective user
 * @gid:	gets its effective group
 *
 * Return: the process, with a reference; NULL if there is no such process of
 * user space with a thread that has not ended.
 */
struct pid *mbox_process_find(u64 number, struct pid_namespace *ns,
			      kuid_t *uid, kgid_t *gid)
{
	struct task_struct *task = NULL;
	const struct cred *cred;
	struct pid *pid;

	if (number > INT_MAX)
		return NULL;
	rcu_read_lock();
	pid = find_pid_ns(number, ns);
	if (pid)
		task = mbox_pid_task(pid);
	if (task) {
		get_pid(pid);
		cred = __task_cred(task);
		*uid = cred->euid;
		*gid = cred->egid;
	}
	rcu_read_unlock();
	return task ? pid : NULL;
}

static void mbox_process_put(struct mbox_process *process)
{
	if (!refcount_dec_and_test(&process->refs))
		return;
	put_pid(process->pid);
	kfree(process);
}

/* The queue's lock is held, interrupts are off. */
static int mbox_process_wake(wait_queue_entry_t *wait, unsigned int mode,
			     int flags, void *key)
{
	struct mbox_process *process =
		container_of(wait, struct mbox_process, wait);

	/* The owner's reference is there as long as this hangs here. */
	refcount_inc(&process->refs);
	if (!queue_work(mbox_process_workqueue, &process->work))
		refcount_dec(&process->refs);
	return 0;
}

static void mbox_process_work(struct work_struct *work)
{
	struct mbox_process *process =
		container_of(work, struct mbox_process, work);

	/* Threads may have ended, and others be left. */
	if (!mbox_pid_alive(process->pid))
		process->ended(process);
	mbox_process_put(process);
}

/**
 * mbox_process_watch - see to it that something ends with a process
 * @pid:	the process
 * @owner:	for @ended
 * @ended:	called when the process has ended
 *
 * Context: sleeps.
 * Return: for mbox_process_unwatch(); -ESRCH if it has ended already, -ENOMEM.
 */
struct mbox_process *mbox_process_watch(struct pid *pid, void *owner,
					void (*ended)(struct mbox_process *))
{
	struct mbox_process *process;

	process = kzalloc(sizeof(*process), GFP_KERNEL_ACCOUNT);
	if (!process)
		return ERR_PTR(-ENOMEM);
	process->pid = get_pid(pid);
	process->owner = owner;
	process->ended = ended;
	refcount_set(&process->refs, 1);
	spin_lock_init(&process->lock);
	INIT_WORK(&process->work, mbox_process_work);
	init_waitqueue_func_entry(&process->wait, mbox_process_wake);
	add_wait_queue(&pid->wait_pidfd, &process->wait);
	/* From here on its end is reported; before, it can be seen. */
	if (!mbox_pid_alive(pid)) {
		mbox_process_unwatch(process);
		return ERR_PTR(-ESRCH);
	}
	return process;
}

/**
 * mbox_process_unwatch - the owner ends by itself
 * @process:	from mbox_process_watch()
 *
 * The call of ->ended may be going on still, but finds no owner if it has not
 * looked yet.
 *
 * Context: any but interrupts.
 */
void mbox_process_unwatch(struct mbox_process *process)
{
	remove_wait_queue(&process->pid->wait_pidfd, &process->wait);
	spin_lock(&process->lock);
	process->owner = NULL;
	spin_unlock(&process->lock);
	mbox_process_put(process);
}

/**
 * mbox_process_init - make what is needed to see processes end
 *
 * Return: 0 or -ENOMEM.
 */
int __init mbox_process_init(void)
{
	mbox_process_workqueue = alloc_workqueue("mboxfs_process", WQ_UNBOUND,
						 0);
	return mbox_process_workqueue ? 0 : -ENOMEM;
}

/**
 * mbox_process_exit - undo mbox_process_init(); nothing is watched any more
 */
void mbox_process_exit(void)
{
	destroy_workqueue(mbox_process_workqueue);
}
