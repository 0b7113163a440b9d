// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes and names: create, mkdir, link, unlink, rename, attributes.
 *
 * Names live in the dcache alone, pinned until they are unlinked. A mailbox
 * ends with its name: whoever has it open can receive what is left.
 */
#include "barrier.h"
#include "compat.h"
#include "mboxfs.h"
#include "step.h"

#include <linux/fsnotify.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

/*
 * A mailbox cannot be executed, so it never has these. Else each send by
 * somebody who does not own it would have to take them away.
 */
#define MBOXFS_NO_MODE	(S_ISUID | S_ISGID)

static struct kmem_cache *mboxfs_inode_cache;

static const struct inode_operations mboxfs_file_inode_operations;
static const struct inode_operations mboxfs_dir_inode_operations;
static const struct inode_operations mboxfs_symlink_inode_operations;

/* Each inode counts in its mount, and as memory for who pays for that. */
static bool mboxfs_charge_inode(struct super_block *sb)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);

	if (!mbox_pool_charge(&sbi->inodes, 1))
		return false;
	if (!sbi->memory.parent ||
	    mbox_pool_charge(sbi->memory.parent, MBOXFS_INODE_CHARGE))
		return true;
	mbox_pool_uncharge(&sbi->inodes, 1);
	return false;
}

static void mboxfs_uncharge_inode(struct super_block *sb)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);

	if (sbi->memory.parent)
		mbox_pool_uncharge(sbi->memory.parent, MBOXFS_INODE_CHARGE);
	mbox_pool_uncharge(&sbi->inodes, 1);
}

static int mboxfs_init_dir(struct inode *inode, struct mbox_group *parent,
			   const struct mbox_group_limits *limits)
{
	struct mboxfs_dir *dir = &MBOXFS_I(inode)->dir;
	struct mbox_group *group = mbox_group_alloc(parent, limits);

	dir->members = RB_ROOT;
	dir->last_index = 0;
	dir->group = IS_ERR(group) ? NULL : group;
	return PTR_ERR_OR_ZERO(group);
}

/**
 * mboxfs_new_inode - make a mailbox, a group or a symlink
 * @idmap:	of the mount it is made through
 * @sb:		the mount's superblock
 * @dir:	the group it is made in, whose values it gets; NULL for the root
 * @mode:	its type and permissions
 *
 * Context: may sleep.
 * Return: the inode, without a name; -ENOSPC if there are too many in the mount,
 * -EDQUOT if too many mailboxes in a group; -ELOOP if groups nest too deep;
 * -ENOMEM.
 */
struct inode *mboxfs_new_inode(struct mnt_idmap *idmap, struct super_block *sb,
			       struct inode *dir, umode_t mode)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);
	struct mbox_group *parent = dir ? mboxfs_group(dir) : NULL;
	struct inode *inode;
	int err;

	if (!mboxfs_charge_inode(sb))
		return ERR_PTR(-ENOSPC);
	inode = new_inode(sb);
	if (!inode) {
		mboxfs_uncharge_inode(sb);
		return ERR_PTR(-ENOMEM);
	}
	inode->i_ino = atomic64_inc_return(&sbi->next_ino);
	inode_init_owner(idmap, inode, dir, mode);
	simple_inode_init_ts(inode);

	err = 0;
	switch (mode & S_IFMT) {
	case S_IFREG:
		inode->i_mode &= ~MBOXFS_NO_MODE;
		err = mbox_init(mboxfs_box(inode), &sbi->memory, parent,
				sb->s_dev, inode->i_ino);
		inode->i_op = &mboxfs_file_inode_operations;
		inode->i_fop = &mboxfs_file_operations;
		break;
	case S_IFDIR:
		err = mboxfs_init_dir(inode, parent, dir ? NULL : &sbi->limits);
		inode->i_op = &mboxfs_dir_inode_operations;
		inode->i_fop = &mboxfs_dir_operations;
		inc_nlink(inode); /* "." */
		break;
	case S_IFLNK:
		inode->i_op = &mboxfs_symlink_inode_operations;
		break;
	}
	if (err) {
		iput(inode);
		return ERR_PTR(err);
	}
	return inode;
}

struct inode *mboxfs_alloc_inode(struct super_block *sb)
{
	struct mboxfs_inode_info *info;

	info = alloc_inode_sb(sb, mboxfs_inode_cache, GFP_KERNEL);
	if (!info)
		return NULL;
	info->dentry = NULL;
	info->bound = NULL;
	atomic_set(&info->opens, 0);
	info->owner = NULL;
	info->process = NULL;
	INIT_LIST_HEAD(&info->mortal);
	return &info->vfs_inode;
}

/*
 * Called after an RCU grace period: path walks may still read a symlink or ask
 * for the owner, and mbox_reclaim() may still look at a mailbox.
 */
void mboxfs_free_inode(struct inode *inode)
{
	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
	put_pid(MBOXFS_I(inode)->owner);
	kmem_cache_free(mboxfs_inode_cache, MBOXFS_I(inode));
}

void mboxfs_evict_inode(struct inode *inode)
{
	clear_inode(inode);
	if (S_ISREG(inode->i_mode)) {
		mboxfs_forget_mortal(inode);
		mbox_exit(mboxfs_box(inode));
	} else if (S_ISDIR(inode->i_mode)) {
		mbox_group_put(mboxfs_group(inode));
	} else if (S_ISLNK(inode->i_mode) && inode->i_link) {
		mbox_pool_uncharge(&MBOXFS_SB(inode->i_sb)->memory,
				   inode->i_size + 1);
	}
	mboxfs_uncharge_inode(inode->i_sb);
}

static void mboxfs_touch_dir(struct inode *dir)
{
	inode_set_mtime_to_ts(dir, inode_set_ctime_current(dir));
}

/* Something new gets its name, which is possible: see mboxfs_get_index(). */
static void mboxfs_attach(struct inode *dir, struct dentry *dentry,
			  struct inode *inode, u64 index)
{
	mboxfs_add_member(dir, inode, dentry, index);
	d_make_persistent(dentry, inode);
	mboxfs_touch_dir(dir);
	/* If it has ended meanwhile, then without knowing this name. */
	if (unlikely(mboxfs_ended(inode)))
		mboxfs_remove_later(inode);
}

/* The mailbox belongs to the process, whoever makes it. */
static int mboxfs_set_owner(struct mnt_idmap *idmap, struct inode *inode,
			    kuid_t uid, kgid_t gid)
{
	struct user_namespace *ns = inode->i_sb->s_user_ns;

	MBOXFS_I(inode)->owner_uid = uid;
	MBOXFS_I(inode)->owner_gid = gid;
	inode->i_uid = from_vfsuid(idmap, ns, VFSUIDT_INIT(uid));
	inode->i_gid = from_vfsgid(idmap, ns, VFSGIDT_INIT(gid));
	inode->i_mode = S_IFREG | 0622;
	if (!uid_valid(inode->i_uid) || !kuid_has_mapping(ns, inode->i_uid) ||
	    !gid_valid(inode->i_gid) || !kgid_has_mapping(ns, inode->i_gid))
		return -EOVERFLOW;
	return 0;
}

/* The mailbox of the process with the number that is its name. */
static struct inode *mboxfs_new_process(struct mnt_idmap *idmap,
					struct inode *dir, u64 number)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(dir->i_sb);
	struct inode *inode;
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	int err;

	pid = mbox_process_find(number, sbi->pid_ns, &uid, &gid);
	if (!pid)
		return ERR_PTR(-ESRCH);
	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFREG);
	if (!IS_ERR(inode)) {
		err = mboxfs_set_owner(idmap, inode, uid, gid);
		if (!err)
			err = mboxfs_watch_owner(inode, pid);
		if (err) {
			iput(inode);
			inode = ERR_PTR(err);
		}
	}
	put_pid(pid);
	return inode;
}

/* Make a mailbox; @fifo: of that type, whatever the group's is. */
static int mboxfs_new_mailbox(struct mnt_idmap *idmap, struct inode *dir,
			      struct dentry *dentry, umode_t mode, bool fifo)
{
	struct inode *inode;
	u64 index;
	int err;

	if (mboxfs_dumping_core())
		return -EPERM;
	err = mboxfs_get_index(dir, &dentry->d_name, &index);
	if (err)
		return err;
	if (mboxfs_naming(dir) == MBOX_NAMING_PID)
		inode = mboxfs_new_process(idmap, dir, index);
	else
		inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFREG | mode);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	if (fifo)
		mbox_set_limit(mboxfs_box(inode), MBOX_TYPE, MBOXFS_TYPE_FIFO);
	mboxfs_attach(dir, dentry, inode, index);
	return 0;
}

static int mboxfs_create(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *dentry, umode_t mode, bool excl)
{
	return mboxfs_new_mailbox(idmap, dir, dentry, mode, false);
}

/* There are no devices and no sockets here; of files the VFS makes none so. */
static int mboxfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
			struct dentry *dentry, umode_t mode, dev_t dev)
{
	if (!S_ISFIFO(mode))
		return -EPERM;
	return mboxfs_new_mailbox(idmap, dir, dentry, mode & S_IALLUGO, true);
}

/* All but a mailbox that is made under the number of its process. */
static int mboxfs_may_name(struct inode *dir, struct dentry *dentry, u64 *index)
{
	if (mboxfs_naming(dir) == MBOX_NAMING_PID)
		return -EPERM;
	return mboxfs_get_index(dir, &dentry->d_name, index);
}

static struct dentry *__mboxfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
				     struct dentry *dentry, umode_t mode)
{
	struct inode *inode;
	u64 index;
	int err;

	err = mboxfs_may_name(dir, dentry, &index);
	if (err)
		return ERR_PTR(err);
	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFDIR | mode);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	mboxfs_attach(dir, dentry, inode, index);
	inc_nlink(dir);
	return NULL;
}

MBOXFS_DEFINE_MKDIR(mboxfs_mkdir, __mboxfs_mkdir)

static int mboxfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			  struct dentry *dentry, const char *target)
{
	struct mbox_pool *memory = &MBOXFS_SB(dir->i_sb)->memory;
	size_t size = strlen(target) + 1;
	struct inode *inode;
	u64 index;
	int err;

	err = mboxfs_may_name(dir, dentry, &index);
	if (err)
		return err;
	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFLNK | 0777);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	err = -ENOSPC;
	if (!mbox_pool_charge(memory, size))
		goto out_iput;
	err = -ENOMEM;
	inode->i_link = kmemdup(target, size, GFP_KERNEL_ACCOUNT);
	if (!inode->i_link)
		goto out_uncharge;
	inode->i_size = size - 1;
	mboxfs_attach(dir, dentry, inode, index);
	return 0;

out_uncharge:
	mbox_pool_uncharge(memory, size);
out_iput:
	iput(inode);
	return err;
}

static int mboxfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
			  struct file *file, umode_t mode)
{
	struct inode *inode;

	if (mboxfs_naming(dir) == MBOX_NAMING_PID)
		return finish_open_simple(file, -EPERM);
	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFREG | mode);
	if (IS_ERR(inode))
		return finish_open_simple(file, PTR_ERR(inode));
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* What a name stands for; nothing that groups care about: empty. */
static struct mbox_entry mboxfs_entry(struct inode *inode)
{
	struct mbox_entry entry = {};

	if (inode && S_ISREG(inode->i_mode))
		entry.account = &mboxfs_box(inode)->account;
	else if (inode && S_ISDIR(inode->i_mode))
		entry.group = mboxfs_group(inode);
	return entry;
}

/* Move what is charged to groups; @back and @gone may be NULL. */
static int mboxfs_move_charge(struct mbox_group *from, struct inode *there,
			      struct mbox_group *to, struct inode *back,
			      struct inode *gone)
{
	struct mbox_entry out = mboxfs_entry(there), in = mboxfs_entry(back);
	struct mbox_group *full;
	int err;

	for (;;) {
		err = mbox_group_move(from, &out, to, &in,
				      gone ? &mboxfs_box(gone)->account : NULL,
				      &full);
		if (!full)
			return err;
		mbox_reclaim(full);
		mbox_group_put(full);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}

/* A mailbox is in one group: only one without a name can be given one. */
static int mboxfs_link(struct dentry *old_dentry, struct inode *dir,
		       struct dentry *dentry)
{
	struct inode *inode = d_inode(old_dentry);
	u64 index;
	int err;

	if (inode->i_nlink)
		return -EPERM;
	if (mboxfs_ended(inode))
		return -ENOENT;
	err = mboxfs_may_name(dir, dentry, &index);
	if (err)
		return err;
	/* It has counted where it was made. */
	err = mboxfs_move_charge(mboxfs_box(inode)->account.group, inode,
				 mboxfs_group(dir), NULL, NULL);
	if (err)
		return err;
	inode_set_ctime_current(inode);
	inc_nlink(inode);
	ihold(inode);
	mboxfs_attach(dir, dentry, inode, index);
	return 0;
}

static int mboxfs_unlink(struct inode *dir, struct dentry *dentry)
{
	/* Which mount it comes through is not told: ids as the mount has them. */
	int err = mboxfs_may_move(&nop_mnt_idmap, dir, d_inode(dentry));

	if (mboxfs_dumping_core())
		return -EPERM;
	if (!err)
		mboxfs_detach(dir, dentry);
	return err;
}

/*
 * A directory loses its name; it is known to be empty then, and nobody sleeps
 * at its barrier nor will.
 */
static int mboxfs_close_dir(struct inode *inode)
{
	struct mbox_barrier *barrier;

	if (!mboxfs_dir_empty(inode))
		return -ENOTEMPTY;
	barrier = mbox_barrier_get(&mboxfs_group(inode)->barrier);
	if (!barrier)
		return -ENOMEM;
	return mbox_barrier_close_idle(barrier) ? 0 : -EBUSY;
}

static int mboxfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	int err;

	err = mboxfs_close_dir(inode);
	if (err)
		return err;
	mboxfs_del_member(dir, inode);
	mbox_group_remove(mboxfs_group(inode));
	return simple_rmdir(dir, dentry);
}

/**
 * struct mboxfs_rename - a rename, looked at from all sides
 * @from:	the directory
 * @inode:	what is renamed
 * @index:	its index in @to
 * @to:		the other directory, may be the same
 * @victim:	what has had the new name, or NULL
 * @back:	with RENAME_EXCHANGE: @victim
 * @back_index:	with RENAME_EXCHANGE: its index in @from
 * @gone:	a @victim that nobody has open
 */
struct mboxfs_rename {
	struct inode	*from;
	struct inode	*inode;
	u64		index;
	struct inode	*to;
	struct inode	*victim;
	struct inode	*back;
	u64		back_index;
	struct inode	*gone;
};

/* The names of a rename: whether they are possible, and their indices. */
static int mboxfs_rename_names(struct mboxfs_rename *r,
			       struct dentry *old_dentry,
			       struct dentry *new_dentry)
{
	bool any = mboxfs_naming(r->from) == MBOX_NAMING_ANY;
	int err;

	if (r->from == r->to && any) {
		/* Order is that of coming, and nothing comes. */
		r->index = MBOXFS_I(r->inode)->index;
		r->back_index = r->back ? MBOXFS_I(r->back)->index : 0;
		return 0;
	}
	err = mboxfs_may_name(r->to, new_dentry, &r->index);
	if (!err && (r->back || mboxfs_naming(r->from) == MBOX_NAMING_PID))
		err = mboxfs_may_name(r->from, old_dentry, &r->back_index);
	return err;
}

static int mboxfs_may_rename(struct mnt_idmap *idmap, struct mboxfs_rename *r)
{
	int err;

	err = mboxfs_may_move(idmap, r->from, r->inode);
	if (!err)
		err = mboxfs_may_move(idmap, r->to, r->victim);
	if (!err && r->victim && !r->back && S_ISDIR(r->victim->i_mode))
		err = mboxfs_close_dir(r->victim);
	return err;
}

static void mboxfs_rename_members(struct mboxfs_rename *r)
{
	if (r->back)
		mboxfs_move_member(r->to, r->back, r->from, r->back_index);
	else if (r->victim)
		mboxfs_del_member(r->to, r->victim);
	mboxfs_move_member(r->from, r->inode, r->to, r->index);
}

/* Something has lost its name to another one. */
static void mboxfs_end_victim(struct inode *victim)
{
	if (S_ISREG(victim->i_mode))
		mboxfs_lose_name(victim);
	else if (S_ISDIR(victim->i_mode))
		mbox_group_remove(mboxfs_group(victim));
}

static int mboxfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
			 struct dentry *old_dentry, struct inode *new_dir,
			 struct dentry *new_dentry, unsigned int flags)
{
	struct mboxfs_rename r = {
		.from = old_dir,
		.inode = d_inode(old_dentry),
		.to = new_dir,
		.victim = d_inode(new_dentry),
	};
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		r.back = r.victim;
	else if (r.victim && S_ISREG(r.victim->i_mode) &&
		 !atomic_read(&MBOXFS_I(r.victim)->opens))
		r.gone = r.victim;
	err = mboxfs_rename_names(&r, old_dentry, new_dentry);
	if (!err)
		err = mboxfs_may_rename(idmap, &r);
	if (err)
		return err;
	err = mboxfs_move_charge(mboxfs_group(old_dir), r.inode,
				 mboxfs_group(new_dir), r.back, r.gone);
	if (!err) {
		mboxfs_rename_members(&r);
		/* Nothing that it looks at is left to fail. */
		err = simple_rename(idmap, old_dir, old_dentry, new_dir,
				    new_dentry, flags);
	}
	if (r.back || !r.victim)
		return err;
	if (!err)
		mboxfs_end_victim(r.victim);
	else if (S_ISDIR(r.victim->i_mode))
		mbox_barrier_reopen(mboxfs_group(r.victim)->barrier);
	return err;
}

static int mboxfs_may_purge(struct mnt_idmap *idmap, struct inode *inode,
			    const struct iattr *attr)
{
	if (attr->ia_size)
		return -EINVAL;
	return inode_owner_or_capable(idmap, inode) ? 0 : -EPERM;
}

/*
 * Sending and receiving only note the time; who looks at an inode's times, or
 * sets them, brings them up to date first. Those of the inode are coarse, and
 * a message's is not: it must not seem to be in the future.
 */
static void mboxfs_update_times(struct inode *inode)
{
	struct timespec64 now = current_time(inode), ts, ctime;
	u64 sent, received;

	if (!S_ISREG(inode->i_mode))
		return;
	spin_lock(&inode->i_lock);
	mbox_take_times(mboxfs_box(inode), &sent, &received);
	if (sent) {
		ts = ns_to_timespec64(sent);
		if (timespec64_compare(&ts, &now) > 0)
			ts = now;
		inode_set_mtime_to_ts(inode, ts);
		ctime = inode_get_ctime(inode);
		if (timespec64_compare(&ts, &ctime) > 0)
			inode_set_ctime_to_ts(inode, ts);
	}
	if (received)
		inode_set_atime_to_ts(inode, ns_to_timespec64(received));
	spin_unlock(&inode->i_lock);
}

/*
 * O_TRUNC comes along with every ">" of a shell, which is to send a message:
 * it changes nothing. truncate() to 0 throws the messages away, which is for
 * the owner. Neither is a send, so neither changes mtime.
 */
static int mboxfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
			  struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct iattr rest = *attr;
	bool purge = false;
	int err;

	if (S_ISREG(inode->i_mode))
		rest.ia_mode &= ~MBOXFS_NO_MODE;
	if (attr->ia_valid & ATTR_SIZE) {
		rest.ia_valid &= ~(ATTR_SIZE | ATTR_MTIME);
		if (attr->ia_valid & ATTR_OPEN)
			rest.ia_valid &= ~ATTR_CTIME;
		else
			purge = true;
	}
	err = purge ? mboxfs_may_purge(idmap, inode, attr) : 0;
	if (!err)
		err = setattr_prepare(idmap, dentry, &rest);
	if (err)
		return err;
	if (purge)
		mbox_purge(mboxfs_box(inode));
	mboxfs_update_times(inode);
	setattr_copy(idmap, inode, &rest);
	return 0;
}

static int mboxfs_getattr(struct mnt_idmap *idmap, const struct path *path,
			  struct kstat *stat, u32 request_mask,
			  unsigned int query_flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct mbox_stat box_stat;

	mboxfs_update_times(inode);
	generic_fillattr(idmap, request_mask, inode, stat);
	stat->mode = mboxfs_shown_mode(inode);
	if (S_ISREG(inode->i_mode)) {
		mbox_get_stat(mboxfs_box(inode), &box_stat);
		stat->size = box_stat.bytes;
		stat->blocks = DIV_ROUND_UP(box_stat.memory, 512);
	}
	return 0;
}

static const struct inode_operations mboxfs_file_inode_operations = {
	.setattr	= mboxfs_setattr,
	.getattr	= mboxfs_getattr,
	.listxattr	= mboxfs_listxattr,
};

static const struct inode_operations mboxfs_dir_inode_operations = {
	.lookup		= simple_lookup,
	.create		= mboxfs_create,
	.mkdir		= mboxfs_mkdir,
	.mknod		= mboxfs_mknod,
	.symlink	= mboxfs_symlink,
	.tmpfile	= mboxfs_tmpfile,
	.link		= mboxfs_link,
	.unlink		= mboxfs_unlink,
	.rmdir		= mboxfs_rmdir,
	.rename		= mboxfs_rename,
	.setattr	= mboxfs_setattr,
	.getattr	= mboxfs_getattr,
	.listxattr	= mboxfs_listxattr,
};

static const struct inode_operations mboxfs_symlink_inode_operations = {
	.get_link	= simple_get_link,
	.setattr	= mboxfs_setattr,
	.getattr	= mboxfs_getattr,
};

/* A mailbox that has ended is not found any more. */
static int mboxfs_revalidate(struct dentry *dentry)
{
	struct inode *inode = d_inode_rcu(dentry);

	return !inode || !mboxfs_ended(inode);
}

MBOXFS_DEFINE_REVALIDATE(mboxfs_d_revalidate, mboxfs_revalidate)

const struct dentry_operations mboxfs_dentry_operations = {
	.d_revalidate	= mboxfs_d_revalidate,
	.d_delete	= always_delete_dentry,
};

static void mboxfs_init_once(void *object)
{
	struct mboxfs_inode_info *info = object;

	inode_init_once(&info->vfs_inode);
}

/**
 * mboxfs_inode_init - make the cache of inodes
 *
 * Names pin them, so they are not reclaimable, as those of tmpfs.
 *
 * Return: 0 or -ENOMEM.
 */
int __init mboxfs_inode_init(void)
{
	mboxfs_inode_cache = kmem_cache_create("mboxfs_inode_cache",
					       sizeof(struct mboxfs_inode_info),
					       __alignof__(struct mboxfs_inode_info),
					       SLAB_ACCOUNT,
					       mboxfs_init_once);
	return mboxfs_inode_cache ? 0 : -ENOMEM;
}

/**
 * mboxfs_inode_exit - give the cache of inodes back
 */
void mboxfs_inode_exit(void)
{
	/* Inodes are freed after a grace period, by code of this module. */
	rcu_barrier();
	kmem_cache_destroy(mboxfs_inode_cache);
}
