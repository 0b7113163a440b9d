/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that own something which ends with them.
 */
#ifndef _MBOXFS_PROCESS_H
#define _MBOXFS_PROCESS_H

#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct pid_namespace;

/**
 * struct mbox_process - waits for a process to end
 * @pid:	the process; constant
 * @refs:	its owner, and the work as long as it is queued
 * @wait:	in @pid's queue of those who want to know
 * @work:	queued when something has happened to the process
 * @ended:	called by the work when the process has ended; may sleep, and
 *		may be called again
 * @lock:	guards @owner
 * @owner:	what is to end with the process; NULL when it has ended before
 */
struct mbox_process {
	struct pid		*pid;
	refcount_t		refs;
	wait_queue_entry_t	wait;
	struct work_struct	work;
	void			(*ended)(struct mbox_process *process);
	spinlock_t		lock;	/* guards @owner; outside of i_lock */
	void			*owner;
};

struct pid *mbox_process_find(u64 number, struct pid_namespace *ns,
			      kuid_t *uid, kgid_t *gid);
bool mbox_pid_alive(struct pid *pid);
struct mbox_process *mbox_process_watch(struct pid *pid, void *owner,
					void (*ended)(struct mbox_process *));
void mbox_process_unwatch(struct mbox_process *process);

int mbox_process_init(void);
void mbox_process_exit(void);

#endif /* _MBOXFS_PROCESS_H */
