/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits and policies: their names, ranges and defaults. Knows no mailbox, no
 * group and no file.
 */
#ifndef _MBOXFS_LIMIT_H
#define _MBOXFS_LIMIT_H

#include <linux/types.h>

/* What can be set, in the order in which it is listed. */
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
	MBOX_NR_INHERITED,	/* a group has those above */
	MBOX_STOPPED = MBOX_NR_INHERITED,
	MBOX_NR_LIMITS,
};

/* "No bound" of the limits that can be without one; shown and set as 0. */
#define MBOX_NO_BOUND	U64_MAX

/**
 * struct mbox_limits - a value for each limit and policy
 * @value:	MBOX_NO_BOUND or the bound; of a policy the number of its word
 */
struct mbox_limits {
	u64	value[MBOX_NR_LIMITS];
};

extern const struct mbox_limits mbox_default_limits;

/* Room for the text of any value, with its terminating zero. */
#define MBOX_VALUE_TEXT	24

const char *mbox_limit_name(enum mbox_limit limit);
int mbox_limit_find(const char *name, bool group);
int mbox_limit_parse(enum mbox_limit limit, const char *text, size_t len,
		     u64 *value);
int mbox_limit_format(enum mbox_limit limit, u64 value, char *text);
int mbox_parse_number(const char *text, size_t len, u64 *number);

#endif /* _MBOXFS_LIMIT_H */
