// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups hand their values down to what is created in them.
 */
#include "group.h"

/**
 * mbox_group_init - set up a group
 * @group:	the group
 * @limits:	what it begins with: its parent's, or the mount's
 */
void mbox_group_init(struct mbox_group *group, const struct mbox_limits *limits)
{
	spin_lock_init(&group->lock);
	group->limits = *limits;
}

/**
 * mbox_group_get_limits - what a new member of a group begins with
 * @group:	the group
 * @limits:	where to put it
 *
 * Context: takes the group's lock.
 */
void mbox_group_get_limits(struct mbox_group *group, struct mbox_limits *limits)
{
	spin_lock(&group->lock);
	*limits = group->limits;
	spin_unlock(&group->lock);
}

/**
 * mbox_group_set_limit - change what a group hands down from now on
 * @group:	the group
 * @limit:	which
 * @value:	from mbox_limit_parse()
 *
 * Context: takes the group's lock.
 */
void mbox_group_set_limit(struct mbox_group *group, enum mbox_limit limit,
			  u64 value)
{
	spin_lock(&group->lock);
	group->limits.value[limit] = value;
	spin_unlock(&group->lock);
}
