// SPDX-License-Identifier: GPL-2.0-only
/*
 * load: send the messages of a dump again.
 *
 * Nothing is made or sent before the whole file has been found good, and what
 * is there already has been found to have room.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dumpfile.h"

#define MAX_SETTINGS	64

/**
 * struct plan - what a node of the dump needs
 * @messages:	how many it has
 * @bytes:	of them
 * @longest:	of them
 * @made:	it has been made, and is to be finished
 */
struct plan {
	uint64_t	messages;
	uint64_t	bytes;
	uint64_t	longest;
	bool		made;
};

/**
 * struct load - a load
 * @o:		options
 * @file:	the dump
 * @data:	all of it
 * @len:	how long it is
 * @path:	the group that it goes into
 * @root:	it is open
 * @plans:	for each node, from 1
 * @fd:		the mailbox that messages go to
 * @done:	messages that have been sent, or skipped
 * @mailboxes:	that have been seen
 */
struct load {
	const struct options	*o;
	const char		*file;
	char			*data;
	size_t			len;
	const char		*path;
	int			root;
	struct plan		*plans;
	int			fd;
	uint64_t		done;
	uint64_t		mailboxes;
};

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

static int failed(const struct load *l, const char *path, int error)
{
	complain(*path ? path : l->path, "%s", strerror(-error));
	return STATUS_ERROR;
}

static int read_file(struct load *l)
{
	int fd = open(l->file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got = 1;

	if (fd < 0 || fstat(fd, &st) < 0) {
		complain(l->file, "%s", strerror(errno));
		return STATUS_ERROR;
	}
	l->data = need_memory(malloc(st.st_size + 1));
	while (got > 0 && l->len < (size_t)st.st_size) {
		got = read(fd, l->data + l->len, st.st_size - l->len);
		l->len += got > 0 ? got : 0;
	}
	if (got < 0)
		complain(l->file, "%s", strerror(errno));
	close(fd);
	return got < 0 ? STATUS_ERROR : STATUS_OK;
}

/* Those settings of a node that are wanted. Returns how many, or below 0. */
static int parse_settings(const char *text, struct mbox_setting *list,
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
static bool is_late(enum mbox_attr attr)
{
	switch (attr) {
	case MBOX_MAX_MESSAGE_SIZE:
	case MBOX_MAX_MESSAGES:
	case MBOX_MAX_BYTES:
	case MBOX_WHEN_FULL:
	case MBOX_STOPPED:
	case MBOX_GROUP_MAX_BYTES:
	case MBOX_GROUP_MAX_MAILBOXES:
		return true;
	default:
		return false;
	}
}

static bool is_early(enum mbox_attr attr)
{
	return !is_late(attr);
}

typedef int (*visit_record_fn)(struct load *l, size_t index,
			       const struct dump_record *record);

/**
 * all_records() - do something with each record of a good dump
 * @l:		the load
 * @visit:	what; a status other than 0 ends it
 *
 * @index is the number of the node, and for a message of the one that it is in.
 */
static int all_records(struct load *l, visit_record_fn visit)
{
	uint64_t at = sizeof(struct dump_header);
	struct dump_record record;
	size_t index = 0;
	int status = STATUS_OK;

	while (at < l->len && !status) {
		at = dump_next(l->data, l->len, at, &record);
		index += record.type != DUMP_MESSAGE;
		status = visit(l, index, &record);
	}
	return status;
}

/*
 * Open the group that @path is in, never through a symbolic link: others may
 * have put one there. Sets *@name to the last part.
 */
static int open_above(const struct load *l, const char *path, const char **name)
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

static int open_node(const struct load *l, const struct dump_record *r)
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
		fd = mbox_open(above, name, O_RDWR | O_NOFOLLOW);
	close(above);
	return fd;
}

static int count_record(struct load *l, size_t index,
			const struct dump_record *r)
{
	struct plan *plan = &l->plans[index];
	struct mbox_setting settings[MAX_SETTINGS];

	if (r->type != DUMP_MESSAGE) {
		if (parse_settings(r->text, settings, is_late) >= 0 &&
		    parse_settings(r->text, settings, is_early) >= 0)
			return STATUS_OK;
		complain(l->file, "%s: its settings make no sense", r->path);
		return STATUS_ERROR;
	}
	plan->messages++;
	plan->bytes += r->m->len;
	if (plan->longest < r->m->len)
		plan->longest = r->m->len;
	return STATUS_OK;
}

static bool too_much(uint64_t there, uint64_t more, uint64_t most)
{
	return most && more && there + more > most;
}

/* Why the messages would not fit into a mailbox that is there, or NULL. */
static const char *misfit(const struct mboxfs_stat *s, const struct plan *plan)
{
	if (s->stopped && plan->messages)
		return "it is stopped";
	if (plan->longest > (s->max_message_size ?: MBOXFS_MESSAGE_MAX))
		return "a message is longer than its max_message_size";
	if (too_much(s->messages + s->delayed_messages, plan->messages,
		     s->max_messages))
		return "there would be more messages than its max_messages";
	if (too_much(s->bytes + s->delayed_bytes, plan->bytes, s->max_bytes))
		return "there would be more bytes than its max_bytes";
	return NULL;
}

/* What is there already has to have room, or nothing is done. */
static int check_fit(struct load *l, size_t index, const struct dump_record *r)
{
	struct mboxfs_stat stat;
	const char *why;
	int fd, ret = 0;

	if (r->type == DUMP_MESSAGE || l->root < 0)
		return STATUS_OK;
	fd = open_node(l, r);
	if (fd == -ENOENT)
		return STATUS_OK;
	if (fd < 0)
		return failed(l, r->path, fd);
	if (r->type == DUMP_MAILBOX)
		ret = mbox_stat(fd, &stat);
	close(fd);
	if (ret < 0)
		return failed(l, r->path, ret);
	why = r->type == DUMP_MAILBOX ? misfit(&stat, &l->plans[index]) : NULL;
	/* What is to be skipped is not known to be in one or the other. */
	if (!why || l->o->skip)
		return STATUS_OK;
	complain(r->path, "%s; nothing has been loaded", why);
	return STATUS_ERROR;
}

static int make_group(int above, const char *name, const struct dump_record *r)
{
	struct mbox_setting settings[MAX_SETTINGS];
	int count = parse_settings(r->text, settings, is_early);

	return mbox_create_group(above, name, O_EXCL, r->mode | 0700, settings,
				 count, NULL);
}

/* Its rights come last: until then it is nobody else's. */
static int make_mailbox(int above, const char *name,
			const struct dump_record *r)
{
	static const struct mbox_setting open_wide[] = {
		{ MBOX_MAX_MESSAGE_SIZE, 0 }, { MBOX_MAX_MESSAGES, 0 },
		{ MBOX_MAX_BYTES, 0 },
		{ MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_FAIL },
	};
	struct mbox_setting settings[MAX_SETTINGS + ARRAY_SIZE(open_wide)];
	int count = parse_settings(r->text, settings, is_early);

	memcpy(settings + count, open_wide, sizeof(open_wide));
	return mbox_create(above, name, O_RDWR | O_EXCL, 0600, settings,
			   count + ARRAY_SIZE(open_wide), NULL);
}

/* Open a node, or make it. */
static int open_or_make(struct load *l, struct plan *plan,
			const struct dump_record *r)
{
	int fd = open_node(l, r), above;
	const char *name;

	if (fd != -ENOENT)
		return fd;
	above = open_above(l, r->path, &name);
	if (above < 0)
		return above;
	if (r->type == DUMP_GROUP)
		fd = make_group(above, name, r);
	else
		fd = make_mailbox(above, name, r);
	close(above);
	plan->made = fd >= 0;
	return fd;
}

static int load_node(struct load *l, size_t index, const struct dump_record *r)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = open_or_make(l, &l->plans[index], r);
	if (l->fd < 0)
		return failed(l, r->path, l->fd);
	l->mailboxes += r->type == DUMP_MAILBOX;
	return STATUS_OK;
}

/* Readable at once, whatever the mailbox's delay: it has been so before. */
static int load_message(struct load *l, const struct dump_record *r)
{
	struct mboxfs_msg m = {
		.priority = r->m->priority,
		.tag = r->m->tag,
		.flags = MBOXFS_NONBLOCK | MBOXFS_DELAY,
	};
	int ret;

	if (l->done < l->o->skip) {
		l->done++;
		return STATUS_OK;
	}
	ret = mbox_send_msg(l->fd, r->body, r->m->len, &m);
	if (ret < 0)
		return report(l->path, l->fd, ret, r->m->len);
	l->done++;
	return STATUS_OK;
}

static int load_record(struct load *l, size_t index,
		       const struct dump_record *r)
{
	if (caught)
		return STATUS_ERROR;
	if (r->type == DUMP_MESSAGE)
		return load_message(l, r);
	return load_node(l, index, r);
}

/* Set what has been left out when it was made. */
static int finish_record(struct load *l, size_t index,
			 const struct dump_record *r)
{
	struct mbox_setting settings[MAX_SETTINGS];
	int fd, i, count, ret = 0;

	if (r->type == DUMP_MESSAGE || !l->plans[index].made)
		return STATUS_OK;
	fd = open_node(l, r);
	/* Somebody may have removed it. */
	if (fd < 0)
		return fd == -ENOENT ? STATUS_OK : failed(l, r->path, fd);
	count = parse_settings(r->text, settings, is_late);
	for (i = 0; i < count && ret == 0; i++)
		if (settings[i].value || settings[i].attr != MBOX_STOPPED)
			ret = mbox_attr_set(fd, settings[i].attr,
					    settings[i].value);
	if (ret == 0 && fchmod(fd, r->mode) < 0)
		ret = -errno;
	close(fd);
	return ret < 0 ? failed(l, r->path, ret) : STATUS_OK;
}

/* The group to load into is made as the dump's first one, if that is a group. */
static int open_root(struct load *l)
{
	struct dump_record r = { .mode = 0755 };

	dump_next(l->data, l->len, sizeof(struct dump_header), &r);
	if (r.type == DUMP_GROUP && !*r.path) {
		l->root = make_group(AT_FDCWD, l->path, &r);
		l->plans[1].made = l->root >= 0;
	} else {
		l->root = mbox_create_group(AT_FDCWD, l->path, O_EXCL, 0755,
					    NULL, 0, NULL);
	}
	return l->root < 0 ? report_new(l->path, l->root) : STATUS_OK;
}

static int load_all(struct load *l, uint64_t messages)
{
	int status = STATUS_OK;

	if (l->root < 0)
		status = open_root(l);
	if (status)
		return status;
	status = all_records(l, load_record);
	if (status)
		complain(l->file, "%s; %llu of %llu messages are loaded, --skip %llu goes on",
			 caught ? "interrupted" : "not complete",
			 (unsigned long long)l->done,
			 (unsigned long long)messages,
			 (unsigned long long)l->done);
	return worse(status, all_records(l, finish_record));
}

static void show_sum(const struct load *l)
{
	uint64_t sent = l->done - l->o->skip;

	if (l->o->json) {
		json_begin();
		json_string("file", l->file);
		json_number("mailboxes", l->mailboxes);
		json_number("messages", sent);
		json_end();
	} else {
		printf("messages=%llu mailboxes=%llu\n",
		       (unsigned long long)sent,
		       (unsigned long long)l->mailboxes);
	}
}

static int check_and_load(struct load *l)
{
	const struct dump_header *header = (const void *)l->data;
	const char *why = dump_check(l->data, l->len);
	int status;

	if (why) {
		complain(l->file, "%s; nothing has been loaded", why);
		return STATUS_ERROR;
	}
	if (l->o->skip > header->messages)
		return bad_usage("--skip: there are only %llu messages",
				 (unsigned long long)header->messages);
	l->plans = need_memory(calloc(header->nodes + 1, sizeof(*l->plans)));
	l->root = mbox_open_group(AT_FDCWD, l->path);
	if (l->root < 0 && l->root != -ENOENT)
		return report(l->path, -1, l->root, 0);
	status = all_records(l, count_record);
	if (!status)
		status = all_records(l, check_fit);
	if (!status)
		status = load_all(l, header->messages);
	if (!status)
		show_sum(l);
	return status;
}

int do_load(const struct options *o, int argc, char **argv)
{
	struct load l = {
		.o = o,
		.file = argv[0],
		.path = argv[1],
		.root = -1,
		.fd = -1,
	};
	struct sigaction action = { .sa_handler = catch };
	int status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	status = read_file(&l);
	if (!status)
		status = check_and_load(&l);
	if (l.fd >= 0)
		close(l.fd);
	if (l.root >= 0)
		close(l.root);
	free(l.plans);
	free(l.data);
	return status;
}
