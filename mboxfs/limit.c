// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits and policies: their names, ranges and defaults.
 *
 * One table says everything about a limit: extended attributes and mount
 * options both go through it, so they know the same names and ranges.
 */
#include "limit.h"

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "uapi/linux/mboxfs.h"

/**
 * struct mbox_limit_spec - what a limit is
 * @name:	as users spell it
 * @max:	the largest number that can be set
 * @words:	the words of a policy, NULL for a number
 * @unbounded:	0 means MBOX_NO_BOUND
 */
struct mbox_limit_spec {
	const char		*name;
	u64			max;
	const char *const	*words;
	bool			unbounded;
};

static const char *const mbox_delay_change_words[] = {
	[MBOXFS_DELAY_CHANGE_ANY] = "any",
	[MBOXFS_DELAY_CHANGE_IDLE] = "idle",
	NULL,
};

static const char *const mbox_short_read_words[] = {
	[MBOXFS_SHORT_READ_TRUNCATE] = "truncate",
	[MBOXFS_SHORT_READ_KEEP] = "keep",
	[MBOXFS_SHORT_READ_REFUSE] = "refuse",
	NULL,
};

static const char *const mbox_when_full_words[] = {
	[MBOXFS_WHEN_FULL_BLOCK] = "block",
	[MBOXFS_WHEN_FULL_FAIL] = "fail",
	[MBOXFS_WHEN_FULL_DROP_OLDEST] = "drop_oldest",
	NULL,
};

static const char *const mbox_when_empty_words[] = {
	[MBOXFS_WHEN_EMPTY_BLOCK] = "block",
	[MBOXFS_WHEN_EMPTY_EOF] = "eof",
	[MBOXFS_WHEN_EMPTY_HANGUP] = "hangup",
	NULL,
};

static const char *const mbox_type_words[] = {
	[MBOXFS_TYPE_FILE] = "file",
	[MBOXFS_TYPE_FIFO] = "fifo",
	NULL,
};

static const char *const mbox_when_dead_words[] = {
	[MBOXFS_WHEN_DEAD_KEEP] = "keep",
	[MBOXFS_WHEN_DEAD_DROP] = "drop",
	NULL,
};

static const char *const mbox_when_read_words[] = {
	[MBOXFS_WHEN_READ_RECEIVE] = "receive",
	[MBOXFS_WHEN_READ_LEASE] = "lease",
	NULL,
};

static const char *const mbox_when_unlinked_words[] = {
	[MBOXFS_WHEN_UNLINKED_STOP] = "stop",
	[MBOXFS_WHEN_UNLINKED_KEEP] = "keep",
	NULL,
};

static const char *const mbox_naming_words[] = {
	[MBOX_NAMING_ANY] = "any",
	[MBOX_NAMING_ID] = "id",
	[MBOX_NAMING_PID] = "pid",
	NULL,
};

static const struct mbox_limit_spec mbox_limit_specs[MBOX_NR_LIMITS] = {
	[MBOX_MAX_MESSAGE_SIZE] = {
		.name = "max_message_size",
		.max = MBOXFS_MESSAGE_MAX,
		.unbounded = true,
	},
	[MBOX_MAX_MESSAGES] = {
		.name = "max_messages",
		.max = S64_MAX,
		.unbounded = true,
	},
	[MBOX_MAX_BYTES] = {
		.name = "max_bytes",
		.max = S64_MAX,
		.unbounded = true,
	},
	[MBOX_SEND_DELAY_MS] = {
		.name = "send_delay_ms",
		.max = U32_MAX,
	},
	[MBOX_DELAY_CHANGE] = {
		.name = "delay_change",
		.words = mbox_delay_change_words,
	},
	[MBOX_TTL_MS] = {
		.name = "ttl_ms",
		.max = U32_MAX,
	},
	[MBOX_SHORT_READ] = {
		.name = "short_read",
		.words = mbox_short_read_words,
	},
	[MBOX_WHEN_FULL] = {
		.name = "when_full",
		.words = mbox_when_full_words,
	},
	[MBOX_WHEN_EMPTY] = {
		.name = "when_empty",
		.words = mbox_when_empty_words,
	},
	[MBOX_FLUSH_ON_CLOSE] = {
		.name = "flush_on_close",
		.max = 1,
	},
	[MBOX_TYPE] = {
		.name = "type",
		.words = mbox_type_words,
	},
	[MBOX_LEASE_MS] = {
		.name = "lease_ms",
		.max = U32_MAX,
	},
	[MBOX_MAX_ATTEMPTS] = {
		.name = "max_attempts",
		.max = U32_MAX,
	},
	[MBOX_WHEN_DEAD] = {
		.name = "when_dead",
		.words = mbox_when_dead_words,
	},
	[MBOX_WHEN_READ] = {
		.name = "when_read",
		.words = mbox_when_read_words,
	},
	[MBOX_WHEN_UNLINKED] = {
		.name = "when_unlinked",
		.words = mbox_when_unlinked_words,
	},
	[MBOX_STOPPED] = {
		.name = "stopped",
		.max = 1,
	},
	[MBOX_GROUP_MAX_BYTES] = {
		.name = "group_max_bytes",
		.max = S64_MAX,
		.unbounded = true,
	},
	[MBOX_GROUP_MAX_MAILBOXES] = {
		.name = "group_max_mailboxes",
		.max = S64_MAX,
		.unbounded = true,
	},
	[MBOX_NAMING] = {
		.name = "naming",
		.words = mbox_naming_words,
	},
};

/* What the root group of a mount begins with. */
const struct mbox_group_limits mbox_default_limits = {
	.value = {
		[MBOX_MAX_MESSAGE_SIZE] = 65536,
		[MBOX_MAX_MESSAGES] = 4096,
		[MBOX_MAX_BYTES] = 1048576,
		[MBOX_DELAY_CHANGE] = MBOXFS_DELAY_CHANGE_ANY,
		[MBOX_SHORT_READ] = MBOXFS_SHORT_READ_KEEP,
		[MBOX_WHEN_FULL] = MBOXFS_WHEN_FULL_BLOCK,
		[MBOX_WHEN_EMPTY] = MBOXFS_WHEN_EMPTY_BLOCK,
		[MBOX_TYPE] = MBOXFS_TYPE_FILE,
		[MBOX_WHEN_DEAD] = MBOXFS_WHEN_DEAD_KEEP,
		[MBOX_WHEN_READ] = MBOXFS_WHEN_READ_RECEIVE,
		[MBOX_WHEN_UNLINKED] = MBOXFS_WHEN_UNLINKED_STOP,
		[MBOX_GROUP_MAX_BYTES] = MBOX_NO_BOUND,
		[MBOX_GROUP_MAX_MAILBOXES] = MBOX_NO_BOUND,
		[MBOX_NAMING] = MBOX_NAMING_ANY,
	},
};

/**
 * mbox_limit_name - the name of a limit
 * @limit:	which
 */
const char *mbox_limit_name(enum mbox_limit limit)
{
	return mbox_limit_specs[limit].name;
}

/**
 * mbox_limit_find - the limit of a name
 * @name:	as users spell it
 * @group:	whether it is to be one that a group has, or else a mailbox
 *
 * Return: an enum mbox_limit, or -ENOENT.
 */
int mbox_limit_find(const char *name, bool group)
{
	int limit;

	for (limit = 0; limit < MBOX_NR_LIMITS; limit++)
		if (!strcmp(mbox_limit_specs[limit].name, name))
			break;
	if (limit == MBOX_NR_LIMITS)
		return -ENOENT;
	if (group ? mbox_limit_of_group(limit) : mbox_limit_of_box(limit))
		return limit;
	return -ENOENT;
}

/**
 * mbox_parse_number - read a decimal number with an optional k, m or g
 * @text:	digits and perhaps one letter, nothing else
 * @len:	its length
 * @number:	where to put it
 *
 * Return: 0, -EINVAL for anything else, -ERANGE if it needs over 64 bits.
 */
int mbox_parse_number(const char *text, size_t len, u64 *number)
{
	unsigned int shift = 0;
	bool overflow = false;
	u64 n = 0;

	switch (len > 1 ? tolower(text[len - 1]) : 0) {
	case 'g':
		shift += 10;
		fallthrough;
	case 'm':
		shift += 10;
		fallthrough;
	case 'k':
		shift += 10;
		len--;
	}
	if (!len)
		return -EINVAL;
	for (; len; len--, text++) {
		if (!isdigit(*text))
			return -EINVAL;
		overflow |= check_mul_overflow(n, (u64)10, &n);
		overflow |= check_add_overflow(n, (u64)(*text - '0'), &n);
	}
	if (overflow || n > U64_MAX >> shift)
		return -ERANGE;
	*number = n << shift;
	return 0;
}

static int mbox_parse_word(const char *const *words, const char *text,
			   size_t len, u64 *value)
{
	u64 i;

	for (i = 0; words[i]; i++) {
		if (strlen(words[i]) == len && !memcmp(words[i], text, len)) {
			*value = i;
			return 0;
		}
	}
	return -EINVAL;
}

/**
 * mbox_limit_parse - read the value of a limit
 * @limit:	which
 * @text:	a number or a policy's word
 * @len:	its length
 * @value:	where to put it
 *
 * Return: 0, -EINVAL for bad text, -ERANGE for a number out of range.
 */
int mbox_limit_parse(enum mbox_limit limit, const char *text, size_t len,
		     u64 *value)
{
	const struct mbox_limit_spec *spec = &mbox_limit_specs[limit];
	u64 number;
	int ret;

	if (spec->words)
		return mbox_parse_word(spec->words, text, len, value);
	ret = mbox_parse_number(text, len, &number);
	if (ret)
		return ret;
	if (number > spec->max)
		return -ERANGE;
	*value = !number && spec->unbounded ? MBOX_NO_BOUND : number;
	return 0;
}

/**
 * mbox_limit_format - write the value of a limit
 * @limit:	which
 * @value:	its value
 * @text:	MBOX_VALUE_TEXT bytes
 *
 * Return: the length of the text.
 */
int mbox_limit_format(enum mbox_limit limit, u64 value, char *text)
{
	const struct mbox_limit_spec *spec = &mbox_limit_specs[limit];

	if (spec->words)
		return scnprintf(text, MBOX_VALUE_TEXT, "%s",
				 spec->words[value]);
	if (value == MBOX_NO_BOUND)
		value = 0;
	return scnprintf(text, MBOX_VALUE_TEXT, "%llu", value);
}
