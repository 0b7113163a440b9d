// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inodes and names: create, mkdir, link, unlink, rename, attributes.
 *
 * Names live in the dcache alone, pinned until they are unlinked. A mailbox
 * ends with its name: whoever has it open can receive what is left.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/module.h>
#include <linux/slab.h>

static struct kmem_cache *mboxfs_inode_cache;

static const struct inode_operations mboxfs_file_inode_operations;
static const struct inode_operations mboxfs_dir_inode_operations;
static const struct inode_operations mboxfs_symlink_inode_operations;

/* Each inode counts in its mount, and as memory in the user namespaces'. */
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

/**
 * mboxfs_new_inode - make a mailbox, a group or a symlink
 * @idmap:	of the mount it is made through
 * @sb:		the mount's superblock
 * @dir:	the group it is made in, whose values it gets; NULL for the root
 * @mode:	its type and permissions
 *
 * Context: may sleep.
 * Return: the inode, without a name; -ENOSPC if there are too many, -ENOMEM.
 */
struct inode *mboxfs_new_inode(struct mnt_idmap *idmap, struct super_block *sb,
			       struct inode *dir, umode_t mode)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);
	struct mbox_limits limits = sbi->limits;
	struct inode *inode;

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
	if (dir)
		mbox_group_get_limits(mboxfs_group(dir), &limits);

	switch (mode & S_IFMT) {
	case S_IFREG:
		mbox_init(mboxfs_box(inode), &sbi->memory, &limits, sb->s_dev,
			  inode->i_ino);
		inode->i_op = &mboxfs_file_inode_operations;
		inode->i_fop = &mboxfs_file_operations;
		break;
	case S_IFDIR:
		mbox_group_init(mboxfs_group(inode), &limits);
		inode->i_op = &mboxfs_dir_inode_operations;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode); /* "." */
		break;
	case S_IFLNK:
		inode->i_op = &mboxfs_symlink_inode_operations;
		break;
	}
	return inode;
}

struct inode *mboxfs_alloc_inode(struct super_block *sb)
{
	struct mboxfs_inode_info *info;

	info = alloc_inode_sb(sb, mboxfs_inode_cache, GFP_KERNEL);
	if (!info)
		return NULL;
	info->bound = NULL;
	return &info->vfs_inode;
}

/* Called after an RCU grace period: path walks may still read a symlink. */
void mboxfs_free_inode(struct inode *inode)
{
	if (S_ISLNK(inode->i_mode))
		kfree(inode->i_link);
	kmem_cache_free(mboxfs_inode_cache, MBOXFS_I(inode));
}

void mboxfs_evict_inode(struct inode *inode)
{
	clear_inode(inode);
	if (S_ISREG(inode->i_mode))
		mbox_exit(mboxfs_box(inode));
	else if (S_ISLNK(inode->i_mode) && inode->i_link)
		mbox_pool_uncharge(&MBOXFS_SB(inode->i_sb)->memory,
				   inode->i_size + 1);
	mboxfs_uncharge_inode(inode->i_sb);
}

static void mboxfs_touch_dir(struct inode *dir)
{
	inode_set_mtime_to_ts(dir, inode_set_ctime_current(dir));
}

static int mboxfs_create(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *dentry, umode_t mode, bool excl)
{
	struct inode *inode;

	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFREG | mode);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	d_make_persistent(dentry, inode);
	mboxfs_touch_dir(dir);
	return 0;
}

static struct dentry *__mboxfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
				     struct dentry *dentry, umode_t mode)
{
	struct inode *inode;

	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFDIR | mode);
	if (IS_ERR(inode))
		return ERR_CAST(inode);
	d_make_persistent(dentry, inode);
	inc_nlink(dir);
	mboxfs_touch_dir(dir);
	return NULL;
}

MBOXFS_DEFINE_MKDIR(mboxfs_mkdir, __mboxfs_mkdir)

static int mboxfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			  struct dentry *dentry, const char *target)
{
	struct mbox_pool *memory = &MBOXFS_SB(dir->i_sb)->memory;
	size_t size = strlen(target) + 1;
	struct inode *inode;
	int err;

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
	d_make_persistent(dentry, inode);
	mboxfs_touch_dir(dir);
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

	inode = mboxfs_new_inode(idmap, dir->i_sb, dir, S_IFREG | mode);
	if (IS_ERR(inode))
		return finish_open_simple(file, PTR_ERR(inode));
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/* A mailbox is in one group: only one without a name can be given one. */
static int mboxfs_link(struct dentry *old_dentry, struct inode *dir,
		       struct dentry *dentry)
{
	struct inode *inode = d_inode(old_dentry);

	if (inode->i_nlink)
		return -EPERM;
	inode_set_ctime_current(inode);
	inc_nlink(inode);
	ihold(inode);
	d_make_persistent(dentry, inode);
	mboxfs_touch_dir(dir);
	return 0;
}

int mboxfs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	simple_unlink(dir, dentry);
	if (S_ISREG(inode->i_mode))
		mbox_kill(mboxfs_box(inode));
	return 0;
}

static int mboxfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
			 struct dentry *old_dentry, struct inode *new_dir,
			 struct dentry *new_dentry, unsigned int flags)
{
	struct inode *victim = d_inode(new_dentry);
	int err;

	err = simple_rename(idmap, old_dir, old_dentry, new_dir, new_dentry,
			    flags);
	if (err || !victim || (flags & RENAME_EXCHANGE))
		return err;
	if (S_ISREG(victim->i_mode))
		mbox_kill(mboxfs_box(victim));
	return 0;
}

static int mboxfs_may_purge(struct mnt_idmap *idmap, struct inode *inode,
			    const struct iattr *attr)
{
	if (attr->ia_size)
		return -EINVAL;
	return inode_owner_or_capable(idmap, inode) ? 0 : -EPERM;
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
	setattr_copy(idmap, inode, &rest);
	return 0;
}

static int mboxfs_getattr(struct mnt_idmap *idmap, const struct path *path,
			  struct kstat *stat, u32 request_mask,
			  unsigned int query_flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct mbox_stat box_stat;

	generic_fillattr(idmap, request_mask, inode, stat);
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
	.symlink	= mboxfs_symlink,
	.tmpfile	= mboxfs_tmpfile,
	.link		= mboxfs_link,
	.unlink		= mboxfs_unlink,
	.rmdir		= simple_rmdir,
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

static void mboxfs_init_once(void *object)
{
	struct mboxfs_inode_info *info = object;

	inode_init_once(&info->vfs_inode);
}

/**
 * mboxfs_inode_init - make the cache of inodes
 *
 * Return: 0 or -ENOMEM.
 */
int __init mboxfs_inode_init(void)
{
	mboxfs_inode_cache = kmem_cache_create("mboxfs_inode_cache",
					       sizeof(struct mboxfs_inode_info),
					       0,
					       SLAB_RECLAIM_ACCOUNT |
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
