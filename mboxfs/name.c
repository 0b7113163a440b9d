// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: who may take them away, and what goes with them.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/fsnotify.h>

/**
 * mboxfs_is_owner - whether the caller is the process that a mailbox belongs to
 * @inode:	a mailbox that belongs to one
 *
 * The process may have begun to run a set-user-ID program since, or given up
 * its rights: then the mailbox, over which its old user has power, is not
 * its own any more. Its ids are compared as the kernel has them, whatever
 * the mount shows as the owner.
 */
bool mboxfs_is_owner(const struct inode *inode)
{
	const struct mboxfs_inode_info *info = MBOXFS_I(inode);

	return info->owner == task_tgid(current) &&
	       uid_eq(info->owner_uid, current_euid()) &&
	       gid_eq(info->owner_gid, current_egid());
}

/**
 * mboxfs_may_move - whether a name may be removed, or changed
 * @idmap:	of the mount it is done through
 * @dir:	the directory
 * @inode:	what has the name, or NULL
 *
 * Under naming=id, a mailbox is protected from those who may not write it. What
 * the VFS asks comes on top.
 *
 * Return: 0 or -EACCES.
 */
int mboxfs_may_move(struct mnt_idmap *idmap, struct inode *dir,
		    struct inode *inode)
{
	if (!inode || !S_ISREG(inode->i_mode) ||
	    mboxfs_naming(dir) != MBOX_NAMING_ID)
		return 0;
	return inode_permission(idmap, inode, MAY_WRITE);
}

/**
 * mboxfs_lose_name - a mailbox has lost its name, and ends with it
 * @inode:	the mailbox
 *
 * Unless it is to live on for those who have it open (when_unlinked).
 *
 * Context: may sleep.
 */
void mboxfs_lose_name(struct inode *inode)
{
	struct mbox *box = mboxfs_box(inode);
	bool gone = mboxfs_process_gone(inode);

	if (!gone && mbox_get_limit(box, MBOX_WHEN_UNLINKED) ==
			     MBOXFS_WHEN_UNLINKED_KEEP)
		return;
	mbox_kill(box, gone ? -ESRCH : -ESHUTDOWN);
}

/**
 * mboxfs_detach - something loses its name; a mailbox ends with it
 * @dir:	the directory
 * @dentry:	the name
 *
 * Context: @dir's i_rwsem held for writing.
 */
void mboxfs_detach(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	mboxfs_del_member(dir, inode);
	simple_unlink(dir, dentry);
	if (S_ISREG(inode->i_mode))
		mboxfs_lose_name(inode);
}

/**
 * mboxfs_remove - remove a name, as unlink() does
 * @dir:	the directory
 * @dentry:	the name; there is another reference to it, or may be
 *
 * What is mounted on it goes, too: nobody could unmount it any more.
 *
 * Context: @dir's i_rwsem held for writing.
 */
void mboxfs_remove(struct inode *dir, struct dentry *dentry)
{
	dget(dentry);
	mboxfs_detach(dir, dentry);
	d_invalidate(dentry);
	d_delete_notify(dir, dentry);
	dput(dentry);
}

/**
 * mboxfs_dir_empty - whether a directory has no members
 * @dir:	the directory; mailboxes that have ended are removed
 *
 * Context: @dir's i_rwsem held for writing.
 */
bool mboxfs_dir_empty(struct inode *dir)
{
	struct rb_root *root = &MBOXFS_I(dir)->dir.members;
	struct mboxfs_inode_info *info;

	while ((info = rb_entry_safe(rb_first(root),
				     struct mboxfs_inode_info, member))) {
		if (!mboxfs_ended(&info->vfs_inode))
			return false;
		mboxfs_remove(dir, info->dentry);
		cond_resched();
	}
	return true;
}
