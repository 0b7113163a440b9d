/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups, which hand their values down. Knows no mailbox and no file.
 */
#ifndef _MBOXFS_GROUP_H
#define _MBOXFS_GROUP_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include "limit.h"

/**
 * struct mbox_group - what a directory hands down
 * @lock:	guards @limits; innermost
 * @limits:	what is given to mailboxes and groups created in this one
 */
struct mbox_group {
	spinlock_t		lock;	/* innermost */
	struct mbox_limits	limits;
};

void mbox_group_init(struct mbox_group *group,
		     const struct mbox_limits *limits);
void mbox_group_get_limits(struct mbox_group *group,
			   struct mbox_limits *limits);
void mbox_group_set_limit(struct mbox_group *group, enum mbox_limit limit,
			  u64 value);

#endif /* _MBOXFS_GROUP_H */
