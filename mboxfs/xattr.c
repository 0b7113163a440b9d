// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits, policies and counters as extended attributes, user.mboxfs.*.
 *
 * Limits come from the table in group.c, counters from the one below. The VFS
 * has asked for read or write permission before; that only the owner sets is
 * asked here.
 */
#include "compat.h"
#include "mboxfs.h"
#include "step.h"

#include <linux/stddef.h>
#include <linux/xattr.h>

/* The counters of a mailbox, or of a group. */
union mboxfs_counts {
	struct mbox_stat	box;
	struct mbox_group_stat	group;
};

#define MBOXFS_BOX_COUNTER(field)					\
	{ #field, S_IFREG, offsetof(union mboxfs_counts, box.field) }
#define MBOXFS_GROUP_COUNTER(field)					\
	{ #field, S_IFDIR, offsetof(union mboxfs_counts, group.field) }

/* Each is a 64-bit number. */
static const struct {
	const char	*name;
	umode_t		type;
	size_t		offset;
} mboxfs_counters[] = {
	MBOXFS_BOX_COUNTER(messages),
	MBOXFS_BOX_COUNTER(bytes),
	MBOXFS_BOX_COUNTER(delayed_messages),
	MBOXFS_BOX_COUNTER(delayed_bytes),
	MBOXFS_BOX_COUNTER(next_size),
	MBOXFS_BOX_COUNTER(readers_waiting),
	MBOXFS_BOX_COUNTER(writers_waiting),
	MBOXFS_BOX_COUNTER(sent_total),
	MBOXFS_BOX_COUNTER(received_total),
	MBOXFS_BOX_COUNTER(dropped_total),
	MBOXFS_BOX_COUNTER(expired_total),
	MBOXFS_BOX_COUNTER(revoked_total),
	MBOXFS_BOX_COUNTER(purged_total),
	MBOXFS_BOX_COUNTER(truncated_total),
	MBOXFS_BOX_COUNTER(leased_messages),
	MBOXFS_BOX_COUNTER(leased_bytes),
	MBOXFS_BOX_COUNTER(dead_messages),
	MBOXFS_BOX_COUNTER(dead_bytes),
	MBOXFS_BOX_COUNTER(returned_total),
	MBOXFS_BOX_COUNTER(once_tag),
	MBOXFS_BOX_COUNTER(barrier_sleepers),
	MBOXFS_GROUP_COUNTER(group_bytes),
	MBOXFS_GROUP_COUNTER(group_mailboxes),
	MBOXFS_GROUP_COUNTER(barrier_sleepers),
};

static bool mboxfs_has_counter(const struct inode *inode, int counter)
{
	return (inode->i_mode & S_IFMT) == mboxfs_counters[counter].type;
}

static int mboxfs_find_counter(const struct inode *inode, const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mboxfs_counters); i++)
		if (mboxfs_has_counter(inode, i) &&
		    !strcmp(mboxfs_counters[i].name, name))
			return i;
	return -ENOENT;
}

static int mboxfs_get_stat(struct inode *inode, union mboxfs_counts *stat)
{
	if (S_ISDIR(inode->i_mode))
		return mbox_get_group_stat(mboxfs_group(inode), &stat->group);
	mbox_get_stat(mboxfs_box(inode), &stat->box);
	return 0;
}

static u64 mboxfs_counter_value(const union mboxfs_counts *stat, int counter)
{
	return *(const u64 *)((const char *)stat +
			      mboxfs_counters[counter].offset);
}

/* The size of the next message is not there where there is none. */
static bool mboxfs_counter_there(const union mboxfs_counts *stat, int counter)
{
	return mboxfs_counters[counter].offset !=
		       offsetof(union mboxfs_counts, box.next_size) ||
	       stat->box.next_size >= 0;
}

static u64 mboxfs_limit_value(struct inode *inode, enum mbox_limit limit)
{
	if (S_ISREG(inode->i_mode))
		return mbox_get_limit(mboxfs_box(inode), limit);
	return mbox_group_limit(mboxfs_group(inode), limit);
}

static int mboxfs_xattr_get(const struct xattr_handler *handler,
			    struct dentry *dentry, struct inode *inode,
			    const char *name, void *buffer, size_t size)
{
	union mboxfs_counts stat;
	char text[MBOX_VALUE_TEXT];
	int i, len, err;

	i = mbox_limit_find(name, S_ISDIR(inode->i_mode));
	if (i >= 0) {
		len = mbox_limit_format(i, mboxfs_limit_value(inode, i), text);
	} else {
		i = mboxfs_find_counter(inode, name);
		if (i < 0)
			return -EOPNOTSUPP;
		err = mboxfs_get_stat(inode, &stat);
		if (err)
			return err;
		if (!mboxfs_counter_there(&stat, i))
			return -ENODATA;
		len = scnprintf(text, sizeof(text), "%llu",
				mboxfs_counter_value(&stat, i));
	}
	if (!buffer)
		return len;
	if (size < len)
		return -ERANGE;
	memcpy(buffer, text, len);
	return len;
}

static int mboxfs_set_limit(struct inode *inode, enum mbox_limit limit,
			    u64 number)
{
	if (S_ISDIR(inode->i_mode)) {
		/* The VFS holds the directory. */
		if (limit == MBOX_NAMING && number != mboxfs_naming(inode) &&
		    !mboxfs_dir_empty(inode))
			return -ENOTEMPTY;
		mbox_group_set_limit(mboxfs_group(inode), limit, number);
		if (limit == MBOX_GROUP_MAX_BYTES)
			mbox_reclaim(mboxfs_group(inode));
		return 0;
	}
	if (limit == MBOX_STOPPED)
		return mbox_set_stopped(mboxfs_box(inode), number);
	return mbox_set_limit(mboxfs_box(inode), limit, number);
}

/* Without a value: back to the default. */
static int mboxfs_xattr_set(const struct xattr_handler *handler,
			    struct mnt_idmap *idmap, struct dentry *dentry,
			    struct inode *inode, const char *name,
			    const void *value, size_t size, int flags)
{
	int limit = mbox_limit_find(name, S_ISDIR(inode->i_mode));
	u64 number;
	int err;

	if (limit < 0)
		return mboxfs_find_counter(inode, name) < 0 ? -EOPNOTSUPP :
							      -EPERM;
	if (!inode_owner_or_capable(idmap, inode))
		return -EPERM;
	if (flags & XATTR_CREATE)
		return -EEXIST;
	if (value) {
		err = mbox_limit_parse(limit, value, size, &number);
		if (err)
			return err;
	} else {
		number = mbox_default_limits.value[limit];
	}
	err = mboxfs_set_limit(inode, limit, number);
	if (!err)
		inode_set_ctime_current(inode);
	return err;
}

static const struct xattr_handler mboxfs_xattr_handler = {
	.prefix	= MBOXFS_XATTR_PREFIX,
	.get	= mboxfs_xattr_get,
	.set	= mboxfs_xattr_set,
};

const struct xattr_handler *MBOXFS_XATTR_CONST mboxfs_xattr_handlers[] = {
	&mboxfs_xattr_handler,
	NULL,
};

/* Append a name; only count if there is no list. */
static int mboxfs_list_name(char *list, size_t size, ssize_t *used,
			    const char *name)
{
	size_t len = strlen(MBOXFS_XATTR_PREFIX) + strlen(name) + 1;

	if (list) {
		if (*used + len > size)
			return -ERANGE;
		snprintf(list + *used, len, "%s%s", MBOXFS_XATTR_PREFIX, name);
	}
	*used += len;
	return 0;
}

/**
 * mboxfs_listxattr - all names that can be read now
 * @dentry:	of a mailbox or a group
 * @list:	where to put them, or NULL
 * @size:	room there
 *
 * Return: bytes used or needed, or -ERANGE.
 */
ssize_t mboxfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	struct inode *inode = d_inode(dentry);
	bool group = S_ISDIR(inode->i_mode);
	union mboxfs_counts stat;
	ssize_t used = 0;
	int i, err = 0;

	for (i = 0; i < MBOX_NR_LIMITS && !err; i++)
		if (group ? mbox_limit_of_group(i) : mbox_limit_of_box(i))
			err = mboxfs_list_name(list, size, &used,
					       mbox_limit_name(i));
	if (!group)
		mboxfs_get_stat(inode, &stat);
	for (i = 0; i < ARRAY_SIZE(mboxfs_counters) && !err; i++)
		if (mboxfs_has_counter(inode, i) &&
		    (group || mboxfs_counter_there(&stat, i)))
			err = mboxfs_list_name(list, size, &used,
					       mboxfs_counters[i].name);
	return err ? err : used;
}
