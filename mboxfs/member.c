// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has a name in a directory, in order.
 *
 * The dcache finds names, but can neither list them by number nor let someone
 * go through them without holding the directory all the time. So each
 * directory keeps its members in a tree by a number: that of the name where
 * names are numbers, else in the order in which they have come.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#define MBOXFS_ID_MAX		BIT_ULL(62)

static struct mboxfs_inode_info *mboxfs_member(struct rb_node *node)
{
	return rb_entry_safe(node, struct mboxfs_inode_info, member);
}

/* A decimal number from 1 on, without leading zeroes. */
static bool mboxfs_parse_id(const struct qstr *name, u64 *id)
{
	unsigned int i;

	if (name->len > 19 || name->name[0] == '0')
		return false;
	*id = 0;
	for (i = 0; i < name->len; i++) {
		if (!isdigit(name->name[i]))
			return false;
		*id = *id * 10 + name->name[i] - '0';
	}
	return *id <= MBOXFS_ID_MAX;
}

/**
 * mboxfs_get_index - the index of a new name
 * @dir:	the directory
 * @name:	the name
 * @index:	where to put it
 *
 * Context: @dir's i_rwsem held for writing.
 * Return: 0, or -EINVAL if there can be no such name.
 */
int mboxfs_get_index(struct inode *dir, const struct qstr *name, u64 *index)
{
	if (mboxfs_naming(dir) != MBOX_NAMING_ANY)
		return mboxfs_parse_id(name, index) ? 0 : -EINVAL;
	*index = ++MBOXFS_I(dir)->dir.last_index;
	return 0;
}

static void mboxfs_insert_member(struct inode *dir, struct inode *inode,
				 u64 index)
{
	struct rb_root *root = &MBOXFS_I(dir)->dir.members;
	struct rb_node **link = &root->rb_node, *parent = NULL;
	struct mboxfs_inode_info *info = MBOXFS_I(inode);

	info->index = index;
	while (*link) {
		parent = *link;
		link = index < mboxfs_member(parent)->index ?
			       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&info->member, parent, link);
	rb_insert_color(&info->member, root);
}

static void mboxfs_set_name(struct inode *inode, struct dentry *dentry)
{
	spin_lock(&inode->i_lock);
	MBOXFS_I(inode)->dentry = dentry;
	spin_unlock(&inode->i_lock);
}

/**
 * mboxfs_add_member - something gets a name
 * @dir:	the directory
 * @inode:	what it is
 * @dentry:	its name
 * @index:	from mboxfs_get_index()
 *
 * Context: @dir's i_rwsem held for writing.
 */
void mboxfs_add_member(struct inode *dir, struct inode *inode,
		       struct dentry *dentry, u64 index)
{
	mboxfs_insert_member(dir, inode, index);
	mboxfs_set_name(inode, dentry);
}

/**
 * mboxfs_del_member - something loses its name
 * @dir:	the directory
 * @inode:	what it is
 *
 * Context: @dir's i_rwsem held for writing.
 */
void mboxfs_del_member(struct inode *dir, struct inode *inode)
{
	rb_erase(&MBOXFS_I(inode)->member, &MBOXFS_I(dir)->dir.members);
	mboxfs_set_name(inode, NULL);
}

/**
 * mboxfs_move_member - something gets another name; its dentry stays
 * @old_dir:	the directory where it is
 * @inode:	what it is
 * @new_dir:	the directory where it will be, may be the same
 * @index:	its index there
 *
 * Context: i_rwsem of both held for writing.
 */
void mboxfs_move_member(struct inode *old_dir, struct inode *inode,
			struct inode *new_dir, u64 index)
{
	rb_erase(&MBOXFS_I(inode)->member, &MBOXFS_I(old_dir)->dir.members);
	mboxfs_insert_member(new_dir, inode, index);
}

/**
 * mboxfs_member_from - the first member with an index or a higher one
 * @dir:	the directory
 * @index:	the index
 *
 * A mailbox that has ended is as good as not there.
 *
 * Context: @dir's i_rwsem held.
 * Return: the member, or NULL.
 */
struct mboxfs_inode_info *mboxfs_member_from(struct inode *dir, u64 index)
{
	struct rb_node *node = MBOXFS_I(dir)->dir.members.rb_node;
	struct mboxfs_inode_info *found = NULL;

	while (node) {
		if (mboxfs_member(node)->index < index) {
			node = node->rb_right;
		} else {
			found = mboxfs_member(node);
			node = node->rb_left;
		}
	}
	while (found && mboxfs_ended(&found->vfs_inode))
		found = mboxfs_member(rb_next(&found->member));
	return found;
}

/**
 * mboxfs_get_name - the name of something
 * @inode:	what it is
 *
 * Return: a reference to the dentry, or NULL. It may be gone at once.
 */
struct dentry *mboxfs_get_name(struct inode *inode)
{
	struct dentry *dentry;

	spin_lock(&inode->i_lock);
	dentry = MBOXFS_I(inode)->dentry;
	if (dentry)
		dget(dentry);
	spin_unlock(&inode->i_lock);
	return dentry;
}

/**
 * struct mboxfs_step - a directory that is being gone through
 * @dir:	the directory, with a reference
 * @next:	the index from which on to go on
 * @last:	the last index to go to: what comes later is not waited for
 */
struct mboxfs_step {
	struct inode	*dir;
	u64		next;
	u64		last;
};

static int mboxfs_step_into(struct mboxfs_step *step, struct inode *dir)
{
	struct mboxfs_inode_info *last;

	if (down_read_killable(&dir->i_rwsem))
		return -EINTR;
	last = mboxfs_member(rb_last(&MBOXFS_I(dir)->dir.members));
	step->dir = dir;
	step->next = 1;
	step->last = last ? last->index : 0;
	up_read(&dir->i_rwsem);
	return 0;
}

/* The next member, with a reference; NULL at the end. */
static struct inode *mboxfs_step_on(struct mboxfs_step *step)
{
	struct mboxfs_inode_info *info;
	struct inode *inode = NULL;

	if (down_read_killable(&step->dir->i_rwsem))
		return ERR_PTR(-EINTR);
	info = mboxfs_member_from(step->dir, step->next);
	if (info && info->index <= step->last) {
		step->next = info->index + 1;
		inode = &info->vfs_inode;
		ihold(inode); /* its name holds it as well */
	}
	up_read(&step->dir->i_rwsem);
	return inode;
}

/* Whether a directory that is come across is to be gone through as well. */
static bool mboxfs_may_enter(struct mnt_idmap *idmap, struct inode *inode,
			     unsigned int depth)
{
	return S_ISDIR(inode->i_mode) && depth <= MBOX_GROUP_DEPTH &&
	       !inode_permission(idmap, inode, MAY_EXEC);
}

/* Go through what is at and below the first of @steps, which is filled. */
static int mboxfs_go_through(struct mnt_idmap *idmap, struct mboxfs_step *steps,
			     bool below,
			     int (*act)(struct inode *inode, void *data),
			     void *data)
{
	unsigned int depth = 1;
	struct inode *inode;
	int err = 0;

	while (depth) {
		inode = err ? NULL : mboxfs_step_on(&steps[depth - 1]);
		if (IS_ERR_OR_NULL(inode)) {
			err = err ?: PTR_ERR_OR_ZERO(inode);
			iput(steps[--depth].dir);
			continue;
		}
		if (below && mboxfs_may_enter(idmap, inode, depth)) {
			err = mboxfs_step_into(&steps[depth], inode);
			if (!err) {
				depth++;
				continue;
			}
		} else if (S_ISREG(inode->i_mode)) {
			err = act(inode, data);
		}
		iput(inode);
		cond_resched();
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	}
	return err;
}

/**
 * mboxfs_each_mailbox - do something with each mailbox of a group
 * @file:	the open directory
 * @below:	also with those in groups below that the caller may search
 * @act:	what to do; goes on as long as it returns 0
 * @data:	for @act
 *
 * No lock is held all the time: what comes, goes or moves meanwhile may be
 * among them or not.
 *
 * Context: sleeps.
 * Return: 0; -EINTR if killed; -ENOMEM; or what @act has returned.
 */
int mboxfs_each_mailbox(struct file *file, bool below,
			int (*act)(struct inode *inode, void *data),
			void *data)
{
	struct mnt_idmap *idmap = file_mnt_idmap(file);
	struct inode *dir = file_inode(file);
	struct mboxfs_step *steps;
	int err;

	if (inode_permission(idmap, dir, MAY_EXEC))
		return 0;
	steps = kmalloc_array(MBOX_GROUP_DEPTH + 1, sizeof(*steps),
			      GFP_KERNEL_ACCOUNT);
	if (!steps)
		return -ENOMEM;
	err = mboxfs_step_into(steps, dir);
	if (!err) {
		ihold(dir);
		err = mboxfs_go_through(idmap, steps, below, act, data);
	}
	kfree(steps);
	return err;
}
