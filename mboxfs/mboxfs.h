/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VFS side share.
 */
#ifndef _MBOXFS_H
#define _MBOXFS_H

#include <linux/fs.h>
#include <linux/mutex.h>

#include "group.h"
#include "message.h"
#include "queue.h"
#include "uapi/linux/mboxfs.h"

/**
 * struct mboxfs_sb_info - a mount
 * @memory:	bounds the memory of messages and symlink targets (size=)
 * @inodes:	bounds the number of inodes (nr_inodes=)
 * @next_ino:	the last inode number given out
 * @uid:	owner of the root, as mounted
 * @gid:	group of the root, as mounted
 * @mode:	permissions of the root, as mounted
 * @limits:	the root group's values, as mounted
 */
struct mboxfs_sb_info {
	struct mbox_pool	memory;
	struct mbox_pool	inodes;
	atomic64_t		next_ino;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
	struct mbox_limits	limits;
};

/**
 * struct mboxfs_inode_info - an inode, and what it stands for
 * @vfs_inode:	the inode
 * @box:	the mailbox of a regular file
 * @group:	the group of a directory
 * @bound:	the open file that a mailbox lives as long as, or NULL
 */
struct mboxfs_inode_info {
	struct inode			vfs_inode;
	union {
		struct mbox		box;
		struct mbox_group	group;
	};
	struct file			*bound;
};

/**
 * struct mboxfs_file - an open mailbox that can be read
 * @lock:	lets one read at a time at @rest; taken outside mbox->lock, and
 *		held while waiting for a message: always taken interruptibly
 * @rest:	the message whose begin has been read under short_read=keep;
 *		changed under @lock, may be tested for being there without
 * @offset:	where the next read of @rest goes on; guarded by @lock
 */
struct mboxfs_file {
	struct mutex	lock;	/* one read at a time; outside mbox->lock */
	struct mbox_msg	*rest;
	u32		offset;
};

/* Memory for messages: rather an error for the sender than an OOM killer. */
#define MBOXFS_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static inline struct mboxfs_inode_info *MBOXFS_I(const struct inode *inode)
{
	return container_of(inode, struct mboxfs_inode_info, vfs_inode);
}

static inline struct mboxfs_sb_info *MBOXFS_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/* The mailbox of a regular file, the group of a directory. */
static inline struct mbox *mboxfs_box(const struct inode *inode)
{
	return &MBOXFS_I(inode)->box;
}

static inline struct mbox_group *mboxfs_group(const struct inode *inode)
{
	return &MBOXFS_I(inode)->group;
}

/* In super.c: the inodes of all mounts in user namespaces, and their pool. */
extern struct mbox_pool mboxfs_userns_pool;
#define MBOXFS_INODE_CHARGE	2048

/* In inode.c */
struct inode *mboxfs_new_inode(struct mnt_idmap *idmap, struct super_block *sb,
			       struct inode *dir, umode_t mode);
struct inode *mboxfs_alloc_inode(struct super_block *sb);
void mboxfs_free_inode(struct inode *inode);
void mboxfs_evict_inode(struct inode *inode);
int mboxfs_unlink(struct inode *dir, struct dentry *dentry);
int mboxfs_inode_init(void);
void mboxfs_inode_exit(void);

/* In file.c */
extern const struct file_operations mboxfs_file_operations;
void mboxfs_sent(struct file *file);
void mboxfs_received(struct file *file);

/* In ioctl.c */
long mboxfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
void mboxfs_unbind(struct inode *inode, struct file *file);

/* In xattr.c */
extern const struct xattr_handler *MBOXFS_XATTR_CONST mboxfs_xattr_handlers[];
ssize_t mboxfs_listxattr(struct dentry *dentry, char *list, size_t size);

#endif /* _MBOXFS_H */
