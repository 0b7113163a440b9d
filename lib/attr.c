// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Limits, policies and counters: the extended attributes "user.mboxfs.*".
 *
 * Other filesystems would store such attributes too. So each call looks first
 * whether it is on mboxfs.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "internal.h"

#define OF_BOX		MBOX_ATTR_OF_MAILBOX
#define OF_GROUP	MBOX_ATTR_OF_GROUP
#define OF_BOTH		(OF_BOX | OF_GROUP)
#define COUNTER		MBOX_ATTR_COUNTER

#define MAX_WORDS	3

static const struct {
	const char	*name;
	int		flags;
	const char	*words[MAX_WORDS];
} attrs[] = {
	[MBOX_MAX_MESSAGE_SIZE] = { "max_message_size", OF_BOTH, { } },
	[MBOX_MAX_MESSAGES] = { "max_messages", OF_BOTH, { } },
	[MBOX_MAX_BYTES] = { "max_bytes", OF_BOTH, { } },
	[MBOX_SEND_DELAY_MS] = { "send_delay_ms", OF_BOTH, { } },
	[MBOX_DELAY_CHANGE] = { "delay_change", OF_BOTH, {
		[MBOXFS_DELAY_CHANGE_ANY] = "any",
		[MBOXFS_DELAY_CHANGE_IDLE] = "idle",
	} },
	[MBOX_TTL_MS] = { "ttl_ms", OF_BOTH, { } },
	[MBOX_SHORT_READ] = { "short_read", OF_BOTH, {
		[MBOXFS_SHORT_READ_TRUNCATE] = "truncate",
		[MBOXFS_SHORT_READ_KEEP] = "keep",
		[MBOXFS_SHORT_READ_REFUSE] = "refuse",
	} },
	[MBOX_WHEN_FULL] = { "when_full", OF_BOTH, {
		[MBOXFS_WHEN_FULL_BLOCK] = "block",
		[MBOXFS_WHEN_FULL_FAIL] = "fail",
		[MBOXFS_WHEN_FULL_DROP_OLDEST] = "drop_oldest",
	} },
	[MBOX_WHEN_EMPTY] = { "when_empty", OF_BOTH, {
		[MBOXFS_WHEN_EMPTY_BLOCK] = "block",
		[MBOXFS_WHEN_EMPTY_EOF] = "eof",
		[MBOXFS_WHEN_EMPTY_HANGUP] = "hangup",
	} },
	[MBOX_FLUSH_ON_CLOSE] = { "flush_on_close", OF_BOTH, { } },
	[MBOX_TYPE] = { "type", OF_BOTH, {
		[MBOXFS_TYPE_FILE] = "file",
		[MBOXFS_TYPE_FIFO] = "fifo",
	} },
	[MBOX_LEASE_MS] = { "lease_ms", OF_BOTH, { } },
	[MBOX_MAX_ATTEMPTS] = { "max_attempts", OF_BOTH, { } },
	[MBOX_WHEN_DEAD] = { "when_dead", OF_BOTH, {
		[MBOXFS_WHEN_DEAD_KEEP] = "keep",
		[MBOXFS_WHEN_DEAD_DROP] = "drop",
	} },
	[MBOX_WHEN_READ] = { "when_read", OF_BOTH, {
		[MBOXFS_WHEN_READ_RECEIVE] = "receive",
		[MBOXFS_WHEN_READ_LEASE] = "lease",
	} },
	[MBOX_WHEN_UNLINKED] = { "when_unlinked", OF_BOTH, {
		[MBOXFS_WHEN_UNLINKED_STOP] = "stop",
		[MBOXFS_WHEN_UNLINKED_KEEP] = "keep",
	} },
	[MBOX_STOPPED] = { "stopped", OF_BOX, { } },
	[MBOX_GROUP_MAX_BYTES] = { "group_max_bytes", OF_GROUP, { } },
	[MBOX_GROUP_MAX_MAILBOXES] = { "group_max_mailboxes", OF_GROUP, { } },
	[MBOX_NAMING] = { "naming", OF_GROUP, {
		[MBOX_NAMING_ANY] = "any",
		[MBOX_NAMING_ID] = "id",
		[MBOX_NAMING_PID] = "pid",
	} },
	[MBOX_MESSAGES] = { "messages", OF_BOX | COUNTER, { } },
	[MBOX_BYTES] = { "bytes", OF_BOX | COUNTER, { } },
	[MBOX_DELAYED_MESSAGES] = { "delayed_messages", OF_BOX | COUNTER, { } },
	[MBOX_DELAYED_BYTES] = { "delayed_bytes", OF_BOX | COUNTER, { } },
	[MBOX_NEXT_SIZE] = { "next_size", OF_BOX | COUNTER, { } },
	[MBOX_READERS_WAITING] = { "readers_waiting", OF_BOX | COUNTER, { } },
	[MBOX_WRITERS_WAITING] = { "writers_waiting", OF_BOX | COUNTER, { } },
	[MBOX_SENT_TOTAL] = { "sent_total", OF_BOX | COUNTER, { } },
	[MBOX_RECEIVED_TOTAL] = { "received_total", OF_BOX | COUNTER, { } },
	[MBOX_DROPPED_TOTAL] = { "dropped_total", OF_BOX | COUNTER, { } },
	[MBOX_EXPIRED_TOTAL] = { "expired_total", OF_BOX | COUNTER, { } },
	[MBOX_REVOKED_TOTAL] = { "revoked_total", OF_BOX | COUNTER, { } },
	[MBOX_PURGED_TOTAL] = { "purged_total", OF_BOX | COUNTER, { } },
	[MBOX_TRUNCATED_TOTAL] = { "truncated_total", OF_BOX | COUNTER, { } },
	[MBOX_LEASED_MESSAGES] = { "leased_messages", OF_BOX | COUNTER, { } },
	[MBOX_LEASED_BYTES] = { "leased_bytes", OF_BOX | COUNTER, { } },
	[MBOX_DEAD_MESSAGES] = { "dead_messages", OF_BOX | COUNTER, { } },
	[MBOX_DEAD_BYTES] = { "dead_bytes", OF_BOX | COUNTER, { } },
	[MBOX_RETURNED_TOTAL] = { "returned_total", OF_BOX | COUNTER, { } },
	[MBOX_ONCE_TAG] = { "once_tag", OF_BOX | COUNTER, { } },
	[MBOX_GROUP_BYTES] = { "group_bytes", OF_GROUP | COUNTER, { } },
	[MBOX_GROUP_MAILBOXES] = { "group_mailboxes", OF_GROUP | COUNTER, { } },
	[MBOX_BARRIER_SLEEPERS] = { "barrier_sleepers", OF_BOTH | COUNTER, { } },
};

const char *mbox_attr_name(enum mbox_attr attr)
{
	return (unsigned int)attr < ARRAY_SIZE(attrs) ? attrs[attr].name : NULL;
}

int mbox_attr_by_name(const char *name)
{
	unsigned int i;

	if (!name)
		return -EFAULT;
	for (i = 0; i < ARRAY_SIZE(attrs); i++)
		if (!strcmp(attrs[i].name, name))
			return i;
	return -EOPNOTSUPP;
}

int mbox_attr_flags(enum mbox_attr attr)
{
	if (!mbox_attr_name(attr))
		return -EOPNOTSUPP;
	return attrs[attr].flags |
	       (attrs[attr].words[0] ? MBOX_ATTR_POLICY : 0);
}

const char *mbox_attr_word(enum mbox_attr attr, uint64_t value)
{
	if (!mbox_attr_name(attr) || value >= MAX_WORDS)
		return NULL;
	return attrs[attr].words[value];
}

static int parse_word(enum mbox_attr attr, const char *text, uint64_t *value)
{
	const char *word;
	uint64_t i;

	for (i = 0; (word = mbox_attr_word(attr, i)); i++) {
		if (!strcmp(word, text)) {
			*value = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* How far a letter behind a number shifts it, or -1. */
static int parse_letter(const char *text)
{
	static const char letters[] = "kmg";
	const char *found;

	if (!*text)
		return 0;
	/* Only ASCII: what a letter is must not depend on the locale. */
	found = text[1] ? NULL : strchr(letters, *text | 0x20);
	return found ? 10 * (int)(found - letters + 1) : -1;
}

static int parse_number(const char *text, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789"), i;
	int shift = parse_letter(text + digits);
	uint64_t n = 0;

	if (!digits || shift < 0)
		return -EINVAL;
	for (i = 0; i < digits; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, text[i] - '0', &n))
			return -ERANGE;
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*value = n << shift;
	return 0;
}

int mbox_attr_parse(enum mbox_attr attr, const char *text, uint64_t *value)
{
	int flags = mbox_attr_flags(attr);

	if (flags < 0)
		return flags;
	if (!text || !value)
		return -EFAULT;
	if (flags & MBOX_ATTR_POLICY)
		return parse_word(attr, text, value);
	return parse_number(text, value);
}

int mbox_attr_format(enum mbox_attr attr, uint64_t value, char *text,
		     size_t size)
{
	int flags = mbox_attr_flags(attr), len;
	const char *word = mbox_attr_word(attr, value);

	if (flags < 0)
		return flags;
	if (!text)
		return -EFAULT;
	if (!word && (flags & MBOX_ATTR_POLICY))
		return -EINVAL;
	if (word)
		len = snprintf(text, size, "%s", word);
	else
		len = snprintf(text, size, "%llu", (unsigned long long)value);
	return len < 0 || (size_t)len >= size ? -ERANGE : len;
}

/**
 * struct target - what an attribute belongs to
 * @path:	where it is, if not NULL
 * @fd:	else an open file
 */
struct target {
	const char	*path;
	int		fd;
};

static int check_target(const struct target *t)
{
	struct statfs fs;
	int ret;

	if (!t->path)
		return mbox_check(t->fd);
	ret = MBOX_CALL(statfs(t->path, &fs));
	if (ret < 0)
		return ret;
	return (uint32_t)fs.f_type == MBOXFS_MAGIC ? 0 : -ENOTTY;
}

/* The attribute's full name. What is too long is -ERANGE, as the kernel says. */
static int full_name(char full[XATTR_NAME_MAX + 1], const char *name)
{
	int len;

	if (!name)
		return -EFAULT;
	len = snprintf(full, XATTR_NAME_MAX + 1, "%s%s", MBOXFS_XATTR_PREFIX,
		       name);
	return len < 0 || len > XATTR_NAME_MAX ? -ERANGE : 0;
}

static int get_text(const struct target *t, const char *name, char *text,
		    size_t size)
{
	char full[XATTR_NAME_MAX + 1];
	int ret = full_name(full, name);

	if (!text)
		return -EFAULT;
	if (ret < 0)
		return ret;
	/* A size of 0 would only ask for the length. */
	if (size < 2)
		return -ERANGE;
	ret = check_target(t);
	if (ret < 0)
		return ret;
	if (t->path)
		ret = MBOX_CALL(getxattr(t->path, full, text, size - 1));
	else
		ret = MBOX_CALL(fgetxattr(t->fd, full, text, size - 1));
	if (ret >= 0)
		text[ret] = '\0';
	return ret;
}

static int set_text(const struct target *t, const char *name, const char *text)
{
	char full[XATTR_NAME_MAX + 1];
	int ret = full_name(full, name);

	if (ret == 0)
		ret = check_target(t);
	if (ret < 0)
		return ret;
	if (t->path && text)
		return MBOX_CALL(setxattr(t->path, full, text, strlen(text), 0));
	if (t->path)
		return MBOX_CALL(removexattr(t->path, full));
	if (text)
		return MBOX_CALL(fsetxattr(t->fd, full, text, strlen(text), 0));
	return MBOX_CALL(fremovexattr(t->fd, full));
}

static int get_value(const struct target *t, enum mbox_attr attr,
		     uint64_t *value)
{
	const char *name = mbox_attr_name(attr);
	char text[MBOX_TEXT_SIZE];
	int ret;

	if (!name)
		return -EOPNOTSUPP;
	if (!value)
		return -EFAULT;
	ret = get_text(t, name, text, sizeof(text));
	return ret < 0 ? ret : mbox_attr_parse(attr, text, value);
}

static int set_value(const struct target *t, enum mbox_attr attr,
		     uint64_t value)
{
	char text[MBOX_TEXT_SIZE];
	int ret = mbox_attr_format(attr, value, text, sizeof(text));

	return ret < 0 ? ret : set_text(t, mbox_attr_name(attr), text);
}

static int reset_value(const struct target *t, enum mbox_attr attr)
{
	const char *name = mbox_attr_name(attr);

	return name ? set_text(t, name, NULL) : -EOPNOTSUPP;
}

int mbox_attr_get(int fd, enum mbox_attr attr, uint64_t *value)
{
	return get_value(&(struct target){ .fd = fd }, attr, value);
}

int mbox_attr_set(int fd, enum mbox_attr attr, uint64_t value)
{
	return set_value(&(struct target){ .fd = fd }, attr, value);
}

int mbox_set_delay(int fd, uint32_t ms)
{
	return mbox_attr_set(fd, MBOX_SEND_DELAY_MS, ms);
}

int mbox_attr_reset(int fd, enum mbox_attr attr)
{
	return reset_value(&(struct target){ .fd = fd }, attr);
}

int mbox_get(int fd, const char *name, char *text, size_t size)
{
	return get_text(&(struct target){ .fd = fd }, name, text, size);
}

int mbox_set(int fd, const char *name, const char *text)
{
	return set_text(&(struct target){ .fd = fd }, name, text);
}

int mbox_attr_get_path(const char *path, enum mbox_attr attr, uint64_t *value)
{
	struct target t = { .path = path };

	return path ? get_value(&t, attr, value) : -EFAULT;
}

int mbox_attr_set_path(const char *path, enum mbox_attr attr, uint64_t value)
{
	struct target t = { .path = path };

	return path ? set_value(&t, attr, value) : -EFAULT;
}

int mbox_attr_reset_path(const char *path, enum mbox_attr attr)
{
	struct target t = { .path = path };

	return path ? reset_value(&t, attr) : -EFAULT;
}

int mbox_get_path(const char *path, const char *name, char *text, size_t size)
{
	struct target t = { .path = path };

	return path ? get_text(&t, name, text, size) : -EFAULT;
}

int mbox_set_path(const char *path, const char *name, const char *text)
{
	struct target t = { .path = path };

	return path ? set_text(&t, name, text) : -EFAULT;
}
