/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits and policies: their names, ranges and defaults. Knows no mailbox, no
 * group and no file.
 */
#ifndef _MBOXFS_LIMIT_H
#define _MBOXFS_LIMIT_H

#include <linux/types.h>

/* What can be set: of mailboxes and groups, of mailboxes, of groups. */
enum mbox_limit {
	MBOX_MAX_MESSAGE_SIZE,
	MBOX_MAX_MESSAGES,
	MBOX_MAX_BYTES,
	MBOX_SEND_DELAY_MS,
	MBOX_DELAY_CHANGE,
	MBOX_TTL_MS,
	MBOX_SHORT_READ,
	MBOX_WHEN_FULL,
	MBOX_WHEN_EMPTY,
	MBOX_FLUSH_ON_CLOSE,
	MBOX_TYPE,
	MBOX_LEASE_MS,
	MBOX_MAX_ATTEMPTS,
	MBOX_WHEN_DEAD,
	MBOX_WHEN_READ,
	MBOX_WHEN_UNLINKED,
	MBOX_NR_INHERITED,
	MBOX_STOPPED = MBOX_NR_INHERITED,
	MBOX_NR_BOX_LIMITS,
	MBOX_GROUP_MAX_BYTES = MBOX_NR_BOX_LIMITS,
	MBOX_GROUP_MAX_MAILBOXES,
	MBOX_NAMING,
	MBOX_NR_LIMITS,
};

/* Whether a mailbox has it, whether a group has it. */
static inline bool mbox_limit_of_box(enum mbox_limit limit)
{
	return limit < MBOX_NR_BOX_LIMITS;
}

static inline bool mbox_limit_of_group(enum mbox_limit limit)
{
	return limit < MBOX_NR_INHERITED || limit >= MBOX_NR_BOX_LIMITS;
}

/* naming: what the names in a group are. */
enum mbox_naming {
	MBOX_NAMING_ANY,	/* any text */
	MBOX_NAMING_ID,		/* numbers */
	MBOX_NAMING_PID,	/* numbers of processes */
};

/* "No bound" of the limits that can be without one; shown and set as 0. */
#define MBOX_NO_BOUND	U64_MAX

/**
 * struct mbox_limits - the limits and policies of a mailbox
 * @value:	MBOX_NO_BOUND or the bound; of a policy the number of its word
 */
struct mbox_limits {
	u64	value[MBOX_NR_BOX_LIMITS];
};

/**
 * struct mbox_group_limits - what a group hands down, and its own
 * @value:	as of struct mbox_limits
 */
struct mbox_group_limits {
	u64	value[MBOX_NR_LIMITS];
};

extern const struct mbox_group_limits mbox_default_limits;

/* Room for the text of any value, with its terminating zero. */
#define MBOX_VALUE_TEXT	24

const char *mbox_limit_name(enum mbox_limit limit);
int mbox_limit_find(const char *name, bool group);
int mbox_limit_parse(enum mbox_limit limit, const char *text, size_t len,
		     u64 *value);
int mbox_limit_format(enum mbox_limit limit, u64 value, char *text);
int mbox_parse_number(const char *text, size_t len, u64 *number);

#endif /* _MBOXFS_LIMIT_H */
