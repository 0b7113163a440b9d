// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which limit was it? The kernel has said only one number; what is looked up
 * here is how things are now, a moment later.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "internal.h"

/* Groups nest at most 32 deep. */
#define MAX_DEPTH	40

typedef unsigned long long ull;

/**
 * struct problem - what is to be explained, and where to
 * @fd:		the mailbox or group
 * @len:	bytes to send, or room
 * @stat:	of the mailbox
 * @mode:	how it is open: O_RDONLY, O_WRONLY or O_RDWR
 * @text:	room for the explanation
 * @size:	how much
 */
struct problem {
	int			fd;
	ull			len;
	struct mboxfs_stat	stat;
	int			mode;
	char			*text;
	size_t			size;
};

static int __attribute__((format(printf, 2, 3)))
say(const struct problem *p, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(p->text, p->size, format, args);
	va_end(args);
	return len;
}

/* Each of the following returns the length of what it says, or 0 if nothing. */

static int say_full(const struct problem *p, const char *also)
{
	const struct mboxfs_stat *s = &p->stat;
	ull messages = s->messages + s->delayed_messages +
		       s->leased_messages + s->dead_messages;
	ull bytes = s->bytes + s->delayed_bytes + s->leased_bytes +
		    s->dead_bytes;

	if (s->max_messages && messages >= s->max_messages)
		return say(p, "mailbox full: max_messages is %llu%s",
			   (ull)s->max_messages, also);
	if (s->max_bytes && bytes + p->len > s->max_bytes)
		return say(p, "mailbox full: %llu bytes and %llu more, max_bytes is %llu%s",
			   bytes, p->len, (ull)s->max_bytes, also);
	return 0;
}

/* What there is although nothing can be received. */
static const char *where_they_are(const struct mboxfs_stat *s)
{
	if (s->delayed_messages)
		return ", its messages are delayed";
	if (s->leased_messages)
		return ", its messages are on lease";
	return s->dead_messages ? ", its messages are dead" : "";
}

static int explain_wait(const struct problem *p)
{
	int len = p->mode == O_RDONLY ? 0 : say_full(p, "");

	if (len)
		return len;
	if (p->mode != O_WRONLY && !p->stat.messages)
		return say(p, "nothing to receive: the mailbox is empty%s",
			   where_they_are(&p->stat));
	if (p->mode == O_WRONLY)
		return say(p, "others wait already, or nobody has received it (rendezvous)");
	return say(p, "others wait already, or nothing that was asked for is there");
}

static int explain_length(const struct problem *p)
{
	const struct mboxfs_stat *s = &p->stat;
	ull most = s->max_message_size ?: MBOXFS_MESSAGE_MAX;

	if (p->mode != O_RDONLY && p->len > most)
		return say(p, "message too long: %llu bytes, max_message_size is %llu",
			   p->len, most);
	if (p->mode != O_RDONLY && s->max_bytes && p->len > s->max_bytes)
		return say(p, "message too long: %llu bytes, max_bytes is %llu",
			   p->len, (ull)s->max_bytes);
	return say(p, "too little room: %llu of %llu bytes, and short_read is %s",
		   p->len, (ull)s->next_size,
		   mbox_attr_word(MBOX_SHORT_READ, s->short_read) ?: "unknown");
}

static int explain_space(const struct problem *p)
{
	struct statfs fs;
	int len = say_full(p, p->stat.when_full == MBOXFS_WHEN_FULL_FAIL ?
			      ", when_full is fail" : ", dropping is not enough");

	if (len)
		return len;
	if (fstatfs(p->fd, &fs) < 0)
		return 0;
	if (fs.f_files && !fs.f_ffree)
		return say(p, "mount full: nr_inodes is %llu", (ull)fs.f_files);
	return say(p, "mount full: %llu of %llu bytes are free (size)",
		   (ull)fs.f_bfree * fs.f_bsize, (ull)fs.f_blocks * fs.f_bsize);
}

static int say_ceiling(const struct problem *p, int group, const char *path)
{
	uint64_t most, used;

	if (mbox_attr_get(group, MBOX_GROUP_MAX_BYTES, &most) == 0 && most &&
	    mbox_attr_get(group, MBOX_GROUP_BYTES, &used) == 0 &&
	    used + p->len > most)
		return say(p, "group full: %llu bytes and %llu more, group_max_bytes of %s is %llu",
			   (ull)used, p->len, path, (ull)most);
	/* Who sends to a mailbox makes none. */
	if (p->mode < 0 &&
	    mbox_attr_get(group, MBOX_GROUP_MAX_MAILBOXES, &most) == 0 &&
	    most && mbox_attr_get(group, MBOX_GROUP_MAILBOXES, &used) == 0 &&
	    used >= most)
		return say(p, "group full: group_max_mailboxes of %s is %llu",
			   path, (ull)most);
	return 0;
}

/* Where an open file is, as far as /proc knows. */
static void find_path(int fd, char path[PATH_MAX])
{
	char self[32];
	ssize_t len;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, path, PATH_MAX - 1);
	path[len < 0 ? 0 : len] = '\0';
}

/* The group itself, or the one that the mailbox is in. */
static int open_lowest(const struct problem *p)
{
	char path[PATH_MAX], *slash;

	if (p->mode < 0)
		return openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	find_path(p->fd, path);
	slash = strrchr(path, '/');
	if (!slash)
		return -1;
	slash[1] = '\0';
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int explain_ceiling(const struct problem *p)
{
	int group = open_lowest(p), above, depth, len = 0;
	char path[PATH_MAX];

	for (depth = 0; depth < MAX_DEPTH && !len; depth++) {
		if (group < 0 || mbox_check(group) < 0)
			break;
		find_path(group, path);
		len = say_ceiling(p, group, path);
		above = openat(group, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		mbox_close(group);
		group = above;
	}
	mbox_close(group);
	return len ?: say(p, "a ceiling of a group above has been reached");
}

static int explain_stop(const struct problem *p)
{
	struct stat st;

	if (fstat(p->fd, &st) == 0 && !st.st_nlink)
		return say(p, "the mailbox or group has lost its name");
	return say(p, "the mailbox is stopped");
}

static int explain(const struct problem *p, int error)
{
	bool mailbox = p->mode >= 0;

	switch (error) {
	case EAGAIN:
	case ETIMEDOUT:
		return mailbox ? explain_wait(p) : 0;
	case EMSGSIZE:
	case EFBIG:
		return mailbox ? explain_length(p) : 0;
	case ENOSPC:
		return explain_space(p);
	case EDQUOT:
		return explain_ceiling(p);
	case ESHUTDOWN:
		return explain_stop(p);
	case ECANCELED:
		return say(p, "the message went unread: purged, revoked, dropped or expired");
	case ESRCH:
		return say(p, "the process of this mailbox has ended");
	case ENOTTY:
		return say(p, "not for this kind of file: a %s is something else",
			   mailbox ? "mailbox" : "group");
	default:
		return 0;
	}
}

int mbox_explain(int fd, int error, size_t len, char *text, size_t size)
{
	struct problem p = {
		.fd = fd,
		.len = len,
		.mode = -1,
		.text = text,
		.size = size,
	};
	int saved = errno, ret = 0;
	const char *general;

	if (!text && size)
		return -EFAULT;
	if (mbox_check(fd) == 0) {
		if (mbox_stat(fd, &p.stat) == 0)
			p.mode = fcntl(fd, F_GETFL) & O_ACCMODE;
		ret = explain(&p, -error);
	} else if (error == -ENOTTY) {
		ret = say(&p, "not on mboxfs");
	}
	general = strerrordesc_np(-error);
	if (!ret)
		ret = say(&p, "%s", general ?: "unknown error");
	errno = saved;
	return ret;
}
