// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a load is going to do, and whether it can: all of it is found out before
 * anything is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "load.h"

int load_failed(const struct load *l, const char *path, int error)
{
	hide_progress();
	complain(*path ? path : l->path, "%s", strerror(-error));
	return STATUS_ERROR;
}

/* Something is wrong with a node, or "" for all, and nothing has been done. */
int load_refused(const struct load *l, const char *path, const char *why)
{
	complain(*path ? path : l->path, "%s; nothing has been %s", why,
		 l->restore ? "restored" : "loaded");
	return STATUS_ERROR;
}

/* Those settings of a node that are wanted. Returns how many, or below 0. */
int parse_settings(const char *text, struct mbox_setting *list,
		   bool (*wanted)(enum mbox_attr))
{
	char line[128];
	int attr, count = 0;
	size_t len;
	char *value;

	for (; *text && count < MAX_SETTINGS; text += len + 1) {
		len = strcspn(text, "\n");
		if (len >= sizeof(line) || !text[len])
			return -1;
		memcpy(line, text, len);
		line[len] = '\0';
		value = strchr(line, '=');
		if (!value)
			return -1;
		*value++ = '\0';
		attr = mbox_attr_by_name(line);
		/* A newer mboxctl may know more: their defaults will do. */
		if (attr < 0 || !wanted(attr))
			continue;
		list[count].attr = attr;
		if (mbox_attr_parse(attr, value, &list[count++].value) < 0)
			return -1;
	}
	return count;
}

/* What would stand in the way of the messages is set after them. */
bool is_late(enum mbox_attr attr)
{
	switch (attr) {
	case MBOX_MAX_MESSAGE_SIZE:
	case MBOX_MAX_MESSAGES:
	case MBOX_MAX_BYTES:
	case MBOX_WHEN_FULL:
	case MBOX_WHEN_DEAD:
	case MBOX_FLUSH_ON_CLOSE:
	case MBOX_STOPPED:
	case MBOX_GROUP_MAX_BYTES:
	case MBOX_GROUP_MAX_MAILBOXES:
		return true;
	default:
		return false;
	}
}

bool is_early(enum mbox_attr attr)
{
	return !is_late(attr) && !(mbox_attr_flags(attr) & MBOX_ATTR_COUNTER);
}

static bool is_once(enum mbox_attr attr)
{
	return attr == MBOX_ONCE_TAG;
}

/* The highest tag that was sent only once. */
uint64_t once_of(const struct dump_record *r)
{
	struct mbox_setting settings[MAX_SETTINGS];

	return parse_settings(r->text, settings, is_once) == 1 ?
		settings[0].value : 0;
}

/* The next record of a good dump that is a node or a message, or NULL. */
bool next_record(const struct load *l, uint64_t *at,
		 struct dump_record *record)
{
	do {
		if (*at >= l->file.len)
			return false;
		*at = dump_next(&l->file, *at, record);
	} while (record->type == DUMP_TAKING);
	return true;
}

/**
 * all_records() - do something with each record of a good dump
 * @l:		the load
 * @visit:	what; a status other than 0 ends it
 *
 * @index is the number of the node, and for a message of the one that it is in.
 */
int all_records(struct load *l, visit_record_fn visit)
{
	uint64_t at = sizeof(struct dump_header);
	struct dump_record record;
	int status = STATUS_OK;
	size_t index = 0;

	while (!status && next_record(l, &at, &record)) {
		index += record.type != DUMP_MESSAGE;
		status = visit(l, index, &record);
	}
	return status;
}

/*
 * Open the group that @path is in, never through a symbolic link: others may
 * have put one there. Sets *@name to the last part.
 */
int open_above(const struct load *l, const char *path, const char **name)
{
	char part[256];
	int fd = fcntl(l->root, F_DUPFD_CLOEXEC, 0), next;
	size_t len;

	for (; fd >= 0; fd = next, path += len + 1) {
		len = strcspn(path, "/");
		if (!path[len])
			break;
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			      O_CLOEXEC);
		if (next < 0)
			next = -errno;
		close(fd);
	}
	*name = path;
	return fd;
}

/* A group that is there, or -ENOENT. */
static int open_group(int above, const char *name)
{
	int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* @flags are for a mailbox. */
int open_node(const struct load *l, const struct dump_record *r, int flags)
{
	const char *name;
	int above, fd;

	if (!*r->path)
		return fcntl(l->root, F_DUPFD_CLOEXEC, 0);
	above = open_above(l, r->path, &name);
	if (above < 0)
		return above;
	if (r->type == DUMP_GROUP)
		fd = open_group(above, name);
	else
		fd = mbox_open(above, name, flags | O_NOFOLLOW);
	close(above);
	return fd;
}

static int plan_record(struct load *l, size_t index,
		       const struct dump_record *r)
{
	struct plan *plan = &l->plans[index];
	struct mbox_setting settings[MAX_SETTINGS];

	if (r->type != DUMP_MESSAGE) {
		plan->path = need_memory(strdup(r->path));
		plan->group = r->type == DUMP_GROUP;
		if (parse_settings(r->text, settings, is_late) >= 0 &&
		    parse_settings(r->text, settings, is_early) >= 0 &&
		    parse_settings(r->text, settings, is_once) >= 0)
			return STATUS_OK;
		return load_refused(l, r->path, "its settings make no sense");
	}
	plan->messages++;
	plan->delayed += !!(r->m.flags & MBOXFS_IS_DELAYED);
	plan->bytes += r->m.len;
	if (plan->longest < r->m.len)
		plan->longest = r->m.len;
	return STATUS_OK;
}

static bool too_much(uint64_t there, uint64_t more, uint64_t most)
{
	return most && more && there + more > most;
}

/* Why the messages would not fit into a mailbox that is there, or NULL. */
static const char *misfit(const struct load *l, const struct mboxfs_stat *s,
			  const struct plan *plan)
{
	uint64_t messages = s->messages + s->delayed_messages +
		s->leased_messages + s->dead_messages;
	uint64_t bytes = s->bytes + s->delayed_bytes + s->leased_bytes +
		s->dead_bytes;

	if (l->restore && messages)
		return "there are messages in it; \"mboxctl load\" puts others behind them";
	if (s->stopped && plan->messages)
		return "it is stopped";
	if (s->flush_on_close && plan->delayed)
		return "its flush_on_close would make what is delayed readable";
	if (plan->longest > (s->max_message_size ?: MBOXFS_MESSAGE_MAX))
		return "a message is longer than its max_message_size";
	if (too_much(messages, plan->messages, s->max_messages))
		return "there would be more messages than its max_messages";
	if (too_much(bytes, plan->bytes, s->max_bytes))
		return "there would be more bytes than its max_bytes";
	return NULL;
}

/* As far as can be told: whether it is the caller's, or all are. */
static bool is_owner(int fd)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_uid == geteuid())
		return true;
	return !syscall(SYS_capget, &header, data) &&
	       (data[0].effective & 1 << CAP_FOWNER);
}

/* Why a mailbox that is there takes none of the messages, or NULL. */
static const char *check_mailbox(const struct load *l, int fd,
				 const struct dump_record *r,
				 const struct plan *plan, int *error)
{
	struct mboxfs_stat stat;
	const char *why = NULL;

	*error = mbox_stat(fd, &stat);
	if (*error < 0)
		return NULL;
	/* What is to be skipped is not known to be in one or the other. */
	if (!l->o->skip)
		why = misfit(l, &stat, plan);
	/* Only SEND with RESTORE says all about a message. */
	if (!why && l->file.version > 1 &&
	    (plan->messages || once_of(r) > stat.once_tag) && !is_owner(fd))
		why = "only its owner can put messages back as they were";
	return why;
}

/* What is there already has to have room, or nothing is done. */
static int check_fit(struct load *l, size_t index, const struct dump_record *r)
{
	struct plan *plan = &l->plans[index];
	const char *why = NULL;
	int fd, error = 0;

	if (r->type == DUMP_MESSAGE)
		return STATUS_OK;
	fd = open_node(l, r, O_RDWR);
	if (fd == -ENOENT)
		return STATUS_OK;
	if (fd < 0)
		return load_failed(l, r->path, fd);
	plan->there = true;
	if (r->type == DUMP_MAILBOX)
		why = check_mailbox(l, fd, r, plan, &error);
	close(fd);
	if (error < 0)
		return load_failed(l, r->path, error);
	return why ? load_refused(l, r->path, why) : STATUS_OK;
}

/**
 * struct need - what comes into a group, or into a mount
 * @bytes:	of messages
 * @mailboxes:	that are not there yet
 * @nodes:	likewise, groups too
 */
struct need {
	uint64_t	bytes;
	uint64_t	mailboxes;
	uint64_t	nodes;
};

static bool is_below(const char *path, const char *group)
{
	size_t len = strlen(group);

	return !len || (!strncmp(path, group, len) && path[len] == '/');
}

/* Of what is below node @index; 0: of all. */
static struct need need_of(const struct load *l, size_t index)
{
	struct need need = { 0 };
	const struct plan *plan;
	size_t i;

	for (i = 1; i <= l->file.nodes; i++) {
		plan = &l->plans[i];
		if (index && !is_below(plan->path, l->plans[index].path))
			continue;
		need.bytes += plan->bytes;
		need.nodes += !plan->there;
		need.mailboxes += !plan->there && !plan->group;
	}
	return need;
}

uint64_t value_of(int fd, enum mbox_attr attr)
{
	uint64_t value = 0;

	return mbox_attr_get(fd, attr, &value) < 0 ? 0 : value;
}

/* A ceiling of a group that is there has to be high enough. */
static int check_ceiling(struct load *l, size_t index,
			 const struct dump_record *r)
{
	uint64_t bytes, mailboxes;
	const char *why = NULL;
	struct need need;
	int fd;

	if (r->type != DUMP_GROUP || !l->plans[index].there || l->o->skip)
		return STATUS_OK;
	fd = open_node(l, r, O_RDWR);
	if (fd < 0)
		return load_failed(l, r->path, fd);
	bytes = value_of(fd, MBOX_GROUP_MAX_BYTES);
	mailboxes = value_of(fd, MBOX_GROUP_MAX_MAILBOXES);
	if (bytes || mailboxes) {
		need = need_of(l, index);
		if (too_much(value_of(fd, MBOX_GROUP_BYTES), need.bytes, bytes))
			why = "there would be more bytes than its group_max_bytes";
		else if (too_much(value_of(fd, MBOX_GROUP_MAILBOXES),
				  need.mailboxes, mailboxes))
			why = "there would be more mailboxes than its group_max_mailboxes";
	}
	close(fd);
	return why ? load_refused(l, r->path, why) : STATUS_OK;
}

/* The least that it takes has to be there. */
static int check_mount(const struct load *l)
{
	struct need need = need_of(l, 0);
	struct statvfs fs;

	if (l->o->skip || fstatvfs(l->root, &fs) < 0)
		return STATUS_OK;
	if (fs.f_blocks && need.bytes / fs.f_frsize > fs.f_bavail)
		return load_refused(l, "", "the mount has no room for so many bytes");
	if (fs.f_files && need.nodes > fs.f_favail)
		return load_refused(l, "", "the mount has no room for so many mailboxes");
	return STATUS_OK;
}

int check_all(struct load *l)
{
	int status = all_records(l, plan_record);

	if (!status && l->root >= 0)
		status = all_records(l, check_fit);
	if (!status && l->root >= 0)
		status = all_records(l, check_ceiling);
	if (!status && l->root >= 0)
		status = check_mount(l);
	return status;
}
