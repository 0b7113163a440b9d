// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes that end by themselves: with their process, or with the open file
 * they are bound to.
 *
 * Such an end must not wait: it comes in a worker that serves all mounts, or in
 * the last close of a task that has been killed, while the directory may be
 * locked for as long as somebody who lists it takes to get a page. So a mailbox
 * ends without that lock. From then on nobody finds it: lookups, readdir and
 * whatever goes through a group pass over it. Its name itself is removed at
 * once if the directory can be locked at once, else by a work that comes again
 * until it can.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/list.h>
#include <linux/workqueue.h>

static struct workqueue_struct *mboxfs_removal_workqueue;

/* Whether nothing is left to remove; false also if it has just been moved. */
static bool mboxfs_try_remove_name(struct inode *inode)
{
	struct dentry *dentry = mboxfs_get_name(inode), *parent;
	bool removed = false;
	struct inode *dir;

	if (!dentry)
		return true;
	parent = dget_parent(dentry);
	dir = d_inode(parent);
	if (inode_trylock(dir)) {
		if (MBOXFS_I(inode)->dentry == dentry &&
		    dentry->d_parent == parent) {
			removed = true;
			mboxfs_remove(dir, dentry);
		}
		inode_unlock(dir);
	}
	dput(parent);
	dput(dentry);
	return removed;
}

/**
 * mboxfs_abandon - a mailbox that has ended stops to count, if nobody has it
 * @inode:	the mailbox
 *
 * Nobody can open it any more, so all that it waits for is that its name goes.
 *
 * Context: sleeps.
 */
void mboxfs_abandon(struct inode *inode)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);

	/* Without a name it goes now; or linkat() looks at its account. */
	if (atomic_read(&info->opens) || !READ_ONCE(info->dentry))
		return;
	mbox_purge(&info->box);
	mbox_account_leave(&info->box.account);
}

/**
 * mboxfs_remove_later - the name of a mailbox that has ended is to be removed
 * @inode:	the mailbox
 *
 * Context: any but interrupts.
 */
void mboxfs_remove_later(struct inode *inode)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(inode->i_sb);

	spin_lock(&sbi->lock);
	list_move_tail(&MBOXFS_I(inode)->mortal, &sbi->leaving);
	spin_unlock(&sbi->lock);
	queue_delayed_work(mboxfs_removal_workqueue, &sbi->removal, 1);
}

/* It has ended: mboxfs_ended() says so from now on. */
static void mboxfs_leave(struct inode *inode)
{
	if (mboxfs_try_remove_name(inode))
		return;
	mboxfs_remove_later(inode);
	mboxfs_abandon(inode);
}

/* Try all once; whether some are left. */
static bool mboxfs_remove_names(struct mboxfs_sb_info *sbi)
{
	struct mboxfs_inode_info *info;
	struct inode *inode;
	LIST_HEAD(todo);
	bool left;

	spin_lock(&sbi->lock);
	list_splice_init(&sbi->leaving, &todo);
	while (!list_empty(&todo)) {
		info = list_first_entry(&todo, struct mboxfs_inode_info,
					mortal);
		list_move_tail(&info->mortal, &sbi->leaving);
		inode = igrab(&info->vfs_inode);
		spin_unlock(&sbi->lock);
		if (inode && mboxfs_try_remove_name(inode)) {
			spin_lock(&sbi->lock);
			list_move_tail(&info->mortal, &sbi->mortals);
			spin_unlock(&sbi->lock);
		}
		iput(inode);
		cond_resched();
		spin_lock(&sbi->lock);
	}
	left = !list_empty(&sbi->leaving);
	spin_unlock(&sbi->lock);
	return left;
}

static void mboxfs_removal(struct work_struct *work)
{
	struct mboxfs_sb_info *sbi = container_of(to_delayed_work(work),
						  struct mboxfs_sb_info,
						  removal);

	if (!mboxfs_remove_names(sbi)) {
		sbi->removal_delay = 1;
		return;
	}
	queue_delayed_work(mboxfs_removal_workqueue, &sbi->removal,
			   sbi->removal_delay);
	sbi->removal_delay = min_t(unsigned long, sbi->removal_delay * 2, HZ);
}

/* The process of a mailbox has ended. Called in a worker. */
static void mboxfs_process_ended(struct mbox_process *process)
{
	struct super_block *sb = NULL;
	struct inode *inode;

	/* Neither the mount nor the mailbox may end before we are done. */
	spin_lock(&process->lock);
	inode = process->owner;
	if (inode && atomic_inc_not_zero(&inode->i_sb->s_active))
		sb = inode->i_sb;
	inode = sb ? igrab(inode) : NULL;
	spin_unlock(&process->lock);
	if (inode) {
		mbox_kill(mboxfs_box(inode), -ESRCH);
		mbox_purge(mboxfs_box(inode));
		mboxfs_leave(inode);
		iput(inode);
	}
	if (sb)
		deactivate_super(sb);
}

/* A mailbox can end by itself from now on. */
static void mboxfs_make_mortal(struct inode *inode)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);
	struct mboxfs_sb_info *sbi = MBOXFS_SB(inode->i_sb);

	spin_lock(&sbi->lock);
	if (list_empty(&info->mortal))
		list_add_tail(&info->mortal, &sbi->mortals);
	spin_unlock(&sbi->lock);
}

/**
 * mboxfs_watch_owner - a new mailbox is to end with its process
 * @inode:	the mailbox
 * @pid:	the process
 *
 * Context: sleeps.
 * Return: 0; -ESRCH if the process has ended, -ENOMEM.
 */
int mboxfs_watch_owner(struct inode *inode, struct pid *pid)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);
	struct mbox_process *process;

	info->owner = get_pid(pid);
	/* First, as it may end at once. */
	mboxfs_make_mortal(inode);
	process = mbox_process_watch(pid, inode, mboxfs_process_ended);
	if (IS_ERR(process))
		return PTR_ERR(process);
	info->process = process;
	return 0;
}

/**
 * mboxfs_bind - a mailbox is to end with an open file
 * @inode:	the mailbox
 * @file:	the open file
 *
 * Return: 0; -ESHUTDOWN if it has ended, -EBUSY if it is bound already.
 */
int mboxfs_bind(struct inode *inode, struct file *file)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);

	if (READ_ONCE(info->box.dead))
		return -ESHUTDOWN;
	if (cmpxchg(&info->bound, NULL, file))
		return -EBUSY;
	mboxfs_make_mortal(inode);
	return 0;
}

/**
 * mboxfs_unbind - the last close of what may be a mailbox's bound open file
 * @inode:	the mailbox
 * @file:	the open file
 *
 * Context: sleeps, but for nobody else.
 */
void mboxfs_unbind(struct inode *inode, struct file *file)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);

	if (likely(READ_ONCE(info->bound) != file))
		return;
	WRITE_ONCE(info->bound, MBOXFS_UNBOUND);
	mbox_kill(&info->box, -ESHUTDOWN);
	mboxfs_leave(inode);
}

/**
 * mboxfs_forget_mortal - a mailbox is evicted
 * @inode:	the mailbox
 *
 * Context: sleeps.
 */
void mboxfs_forget_mortal(struct inode *inode)
{
	struct mboxfs_inode_info *info = MBOXFS_I(inode);
	struct mboxfs_sb_info *sbi = MBOXFS_SB(inode->i_sb);

	if (info->process)
		mbox_process_unwatch(info->process);
	if (!info->owner && !info->bound)
		return;
	spin_lock(&sbi->lock);
	list_del_init(&info->mortal);
	spin_unlock(&sbi->lock);
}

/* A name that nobody finds is dropped from the dcache, but pinned. */
static void mboxfs_rehash(struct list_head *mortals)
{
	struct mboxfs_inode_info *info;

	list_for_each_entry(info, mortals, mortal)
		if (info->dentry && d_unhashed(info->dentry))
			d_rehash(info->dentry);
}

/**
 * mboxfs_end_removal - names are not removed any more: the mount ends
 * @sb:		the superblock, of which nothing is in use any more
 *
 * Unmounting has to find all names.
 *
 * Context: sleeps.
 */
void mboxfs_end_removal(struct super_block *sb)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);

	cancel_delayed_work_sync(&sbi->removal);
	mboxfs_rehash(&sbi->mortals);
	mboxfs_rehash(&sbi->leaving);
}

/**
 * mboxfs_init_removal - set up what a mount needs
 * @sbi:	of the mount
 */
void mboxfs_init_removal(struct mboxfs_sb_info *sbi)
{
	spin_lock_init(&sbi->lock);
	INIT_LIST_HEAD(&sbi->mortals);
	INIT_LIST_HEAD(&sbi->leaving);
	INIT_DELAYED_WORK(&sbi->removal, mboxfs_removal);
	sbi->removal_delay = 1;
}

/**
 * mboxfs_ending_init - make what is needed to remove names
 *
 * Return: 0 or -ENOMEM.
 */
int __init mboxfs_ending_init(void)
{
	mboxfs_removal_workqueue = alloc_workqueue("mboxfs_removal",
						   WQ_UNBOUND, 0);
	return mboxfs_removal_workqueue ? 0 : -ENOMEM;
}

/**
 * mboxfs_ending_exit - undo mboxfs_ending_init(); no mount is left
 */
void mboxfs_ending_exit(void)
{
	destroy_workqueue(mboxfs_removal_workqueue);
}
