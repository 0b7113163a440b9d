// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walking through groups. Others make, move and remove things meanwhile, and
 * symbolic links lead anywhere: they are not followed below where it begins.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mboxctl.h"

/**
 * struct walking - a walk
 * @skip:	how much of each path is not below where it began
 * @dev:	it does not leave this mount
 * @recurse:	it goes below
 * @visit:	what to do with each
 * @arg:	for it
 */
struct walking {
	size_t		skip;
	dev_t		dev;
	bool		recurse;
	visit_fn	visit;
	void		*arg;
};

static int enter(struct walking *w, const struct node *group);

static int visit(struct walking *w, struct node *node)
{
	int status;

	node->below = node->path + w->skip;
	node->below += *node->below == '/';
	node->group = S_ISDIR(node->st.st_mode);
	status = w->visit(node, w->arg);
	if (node->group && w->recurse && node->fd >= 0)
		status = worse(status, enter(w, node));
	return status;
}

static int visit_entry(struct walking *w, const struct node *group,
		       const char *name)
{
	struct node node = { .name = name, .depth = group->depth + 1 };
	int status = STATUS_OK;
	char *path;

	if (fstatat(group->fd, name, &node.st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    node.st.st_dev != w->dev || S_ISLNK(node.st.st_mode))
		return STATUS_OK;
	node.fd = openat(group->fd, name,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	node.error = node.fd < 0 ? -errno : 0;
	/* What is open is what is meant, even if the name has moved on. */
	if (node.fd >= 0 &&
	    (fstat(node.fd, &node.st) < 0 || node.st.st_dev != w->dev))
		node.error = -ENOENT;
	if (asprintf(&path, "%s%s%s", group->path,
		     group->path[strlen(group->path) - 1] == '/' ? "" : "/",
		     name) < 0)
		path = need_memory(NULL);
	node.path = path;
	if (node.error != -ENOENT)
		status = visit(w, &node);
	free(path);
	if (node.fd >= 0)
		close(node.fd);
	return status;
}

static int no_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int enter(struct walking *w, const struct node *group)
{
	struct dirent **entries;
	int n, i, status = STATUS_OK;

	n = scandirat(group->fd, ".", &entries, no_dots, versionsort);
	/* It has been removed meanwhile. */
	if (n < 0 && errno == ENOENT)
		return STATUS_OK;
	if (n < 0)
		return report(group->path, -1, -errno, 0);
	for (i = 0; i < n; i++) {
		status = worse(status,
			       visit_entry(w, group, entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	return status;
}

/*
 * Visit what is at @path and, with @recurse, everything below it that there is
 * a permission to look at. Returns the worst status.
 */
int walk(const char *path, bool recurse, visit_fn visit_node, void *arg)
{
	struct walking w = {
		.skip = strlen(path),
		.recurse = recurse,
		.visit = visit_node,
		.arg = arg,
	};
	struct node node = { .path = path };
	const char *slash = strrchr(path, '/');
	int status;

	node.name = slash && slash[1] ? slash + 1 : path;
	node.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (node.fd < 0)
		return report(path, -1, -errno, 0);
	if (mbox_check(node.fd) < 0 || fstat(node.fd, &node.st) < 0) {
		status = report(path, -1, -ENOTTY, 0);
	} else {
		w.dev = node.st.st_dev;
		status = visit(&w, &node);
	}
	close(node.fd);
	return status;
}

bool attr_belongs(enum mbox_attr attr, bool group)
{
	return mbox_attr_flags(attr) &
	       (group ? MBOX_ATTR_OF_GROUP : MBOX_ATTR_OF_MAILBOX);
}

#define FIELD(attr, field)	[attr] = offsetof(struct mboxfs_stat, field)

static const size_t stat_fields[] = {
	FIELD(MBOX_MAX_MESSAGE_SIZE, max_message_size),
	FIELD(MBOX_MAX_MESSAGES, max_messages),
	FIELD(MBOX_MAX_BYTES, max_bytes),
	FIELD(MBOX_SEND_DELAY_MS, send_delay_ms),
	FIELD(MBOX_DELAY_CHANGE, delay_change),
	FIELD(MBOX_TTL_MS, ttl_ms),
	FIELD(MBOX_SHORT_READ, short_read),
	FIELD(MBOX_WHEN_FULL, when_full),
	FIELD(MBOX_WHEN_EMPTY, when_empty),
	FIELD(MBOX_FLUSH_ON_CLOSE, flush_on_close),
	FIELD(MBOX_TYPE, type),
	FIELD(MBOX_LEASE_MS, lease_ms),
	FIELD(MBOX_MAX_ATTEMPTS, max_attempts),
	FIELD(MBOX_WHEN_DEAD, when_dead),
	FIELD(MBOX_WHEN_READ, when_read),
	FIELD(MBOX_WHEN_UNLINKED, when_unlinked),
	FIELD(MBOX_STOPPED, stopped),
	FIELD(MBOX_MESSAGES, messages),
	FIELD(MBOX_BYTES, bytes),
	FIELD(MBOX_DELAYED_MESSAGES, delayed_messages),
	FIELD(MBOX_DELAYED_BYTES, delayed_bytes),
	FIELD(MBOX_NEXT_SIZE, next_size),
	FIELD(MBOX_READERS_WAITING, readers_waiting),
	FIELD(MBOX_WRITERS_WAITING, writers_waiting),
	FIELD(MBOX_SENT_TOTAL, sent_total),
	FIELD(MBOX_RECEIVED_TOTAL, received_total),
	FIELD(MBOX_DROPPED_TOTAL, dropped_total),
	FIELD(MBOX_EXPIRED_TOTAL, expired_total),
	FIELD(MBOX_REVOKED_TOTAL, revoked_total),
	FIELD(MBOX_PURGED_TOTAL, purged_total),
	FIELD(MBOX_TRUNCATED_TOTAL, truncated_total),
	FIELD(MBOX_LEASED_MESSAGES, leased_messages),
	FIELD(MBOX_LEASED_BYTES, leased_bytes),
	FIELD(MBOX_DEAD_MESSAGES, dead_messages),
	FIELD(MBOX_DEAD_BYTES, dead_bytes),
	FIELD(MBOX_RETURNED_TOTAL, returned_total),
	FIELD(MBOX_ONCE_TAG, once_tag),
	FIELD(MBOX_BARRIER_SLEEPERS, barrier_sleepers),
};

/* What counts for the limits: all that is there, readable or not. */
uint64_t held_messages(const struct mboxfs_stat *stat)
{
	return stat->messages + stat->delayed_messages +
	       stat->leased_messages + stat->dead_messages;
}

uint64_t held_bytes(const struct mboxfs_stat *stat)
{
	return stat->bytes + stat->delayed_bytes + stat->leased_bytes +
	       stat->dead_bytes;
}

/* An attribute of a mailbox, from its state. */
uint64_t stat_value(const struct mboxfs_stat *stat, enum mbox_attr attr)
{
	__u64 value;

	memcpy(&value, (const char *)stat + stat_fields[attr], sizeof(value));
	return value;
}
