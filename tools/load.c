// SPDX-License-Identifier: GPL-2.0-only
/*
 * load: put the messages of a dump back; restore: all of them or none.
 *
 * Nothing is made or sent before the whole file has been found good, and what
 * is there already has been found to have room.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

static int read_file(struct load *l, int fd)
{
	struct stat st;
	ssize_t got = 1;

	if (fstat(fd, &st) < 0) {
		complain(l->name, "%s", strerror(errno));
		return STATUS_ERROR;
	}
	l->file.data = need_memory(malloc(st.st_size + 1));
	while (got > 0 && l->file.len < (size_t)st.st_size) {
		got = read(fd, l->file.data + l->file.len,
			   st.st_size - l->file.len);
		l->file.len += got > 0 ? got : 0;
	}
	if (got < 0)
		complain(l->name, "%s", strerror(errno));
	return got < 0 ? STATUS_ERROR : STATUS_OK;
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
		{ MBOX_WHEN_DEAD, MBOXFS_WHEN_DEAD_KEEP },
		{ MBOX_FLUSH_ON_CLOSE, 0 },
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
	int fd = open_node(l, r, O_RDWR), above;
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

static int send_failed(const struct load *l, const char *path, int error,
		       size_t len)
{
	hide_progress();
	if (error == -EPERM) {
		complain(path, "only its owner can put messages back as they were");
		return STATUS_ERROR;
	}
	return report(path, l->fd, error, len);
}

/* The highest tag that was sent only once: this one or what is there. */
static int load_once(struct load *l, const struct dump_record *r)
{
	struct mboxfs_msg m = { .flags = MBOXFS_RESTORE | MBOXFS_ONCE };
	int ret;

	m.tag = once_of(r);
	if (m.tag <= value_of(l->fd, MBOX_ONCE_TAG))
		return STATUS_OK;
	ret = mbox_send_msg(l->fd, NULL, 0, &m);
	return ret < 0 ? send_failed(l, r->path, ret, 0) : STATUS_OK;
}

static int load_node(struct load *l, size_t index, const struct dump_record *r)
{
	struct plan *plan = &l->plans[index];

	if (l->fd >= 0)
		close(l->fd);
	l->fd = open_or_make(l, plan, r);
	if (l->fd < 0)
		return load_failed(l, r->path, l->fd);
	l->mailboxes += r->type == DUMP_MAILBOX;
	plan->begun = r->type == DUMP_MAILBOX;
	return r->type == DUMP_MAILBOX ? load_once(l, r) : STATUS_OK;
}

/*
 * Readable at once if it has been so before, whatever the mailbox's delay. In
 * version 1 that is all there is to say, and who may write may send it.
 */
static int load_message(struct load *l, const char *path,
			const struct dump_record *r)
{
	struct mboxfs_msg m = {
		.priority = r->m.priority,
		.tag = r->m.tag,
		.flags = MBOXFS_NONBLOCK,
	};
	int ret;

	if (l->done < l->o->skip) {
		l->done++;
		return STATUS_OK;
	}
	if (l->file.version > 1) {
		m.flags |= MBOXFS_RESTORE | (r->m.flags & MBOXFS_IS_DEAD);
		m.timeout_ns = r->m.timeout_ns;
		m.attempts = r->m.attempts;
	}
	if (l->file.version == 1 || (r->m.flags & MBOXFS_IS_DELAYED))
		m.flags |= MBOXFS_DELAY;
	m.delay_ns = r->m.delay_ns;
	ret = mbox_send_msg(l->fd, r->body, r->m.len, &m);
	if (ret < 0)
		return send_failed(l, path, ret, r->m.len);
	l->done++;
	l->bytes += r->m.len;
	show_progress(l->done, l->file.messages, l->bytes);
	return STATUS_OK;
}

/*
 * Load those messages of a mailbox that were on lease, or all others. They
 * begin at *@at, which is where they end then.
 */
static int load_some(struct load *l, const char *path, bool leased,
		     uint64_t *at)
{
	uint64_t next = *at;
	struct dump_record r;
	int status = STATUS_OK;

	for (; !status && next_record(l, &next, &r) && r.type == DUMP_MESSAGE;
	     *at = next) {
		if (interrupted())
			return STATUS_ERROR;
		if (leased == !!(r.m.flags & MBOXFS_IS_LEASED))
			status = load_message(l, path, &r);
	}
	return status;
}

/* What was on lease comes first, as it would come back there. */
static int load_messages(struct load *l, const char *path, uint64_t *at)
{
	uint64_t begin = *at;
	int status = load_some(l, path, true, &begin);

	return status ?: load_some(l, path, false, at);
}

static int load_records(struct load *l)
{
	uint64_t at = sizeof(struct dump_header);
	struct dump_record r;
	int status = STATUS_OK;
	size_t index = 0;

	while (!status && next_record(l, &at, &r)) {
		if (interrupted())
			return STATUS_ERROR;
		status = load_node(l, ++index, &r);
		if (!status)
			status = load_messages(l, r.path, &at);
	}
	return status;
}

/* Owners, as far as the caller may set them. */
static void set_owner(int fd, const struct dump_record *r)
{
	if (fchown(fd, r->uid, r->gid) < 0)
		(void)!fchown(fd, -1, r->gid);
}

/*
 * Set what has been left out when it was made. It is opened for reading, as
 * closing a writer may make delayed messages readable.
 */
static int finish_record(struct load *l, size_t index,
			 const struct dump_record *r)
{
	struct mbox_setting settings[MAX_SETTINGS];
	int fd, i, count, ret = 0;

	if (r->type == DUMP_MESSAGE || !l->plans[index].made)
		return STATUS_OK;
	fd = open_node(l, r, O_RDONLY);
	/* Somebody may have removed it. */
	if (fd < 0)
		return fd == -ENOENT ? STATUS_OK : load_failed(l, r->path, fd);
	count = parse_settings(r->text, settings, is_late);
	for (i = 0; i < count && ret == 0; i++)
		if (settings[i].value || settings[i].attr != MBOX_STOPPED)
			ret = mbox_attr_set(fd, settings[i].attr,
					    settings[i].value);
	set_owner(fd, r);
	if (ret == 0 && fchmod(fd, r->mode) < 0)
		ret = -errno;
	close(fd);
	return ret < 0 ? load_failed(l, r->path, ret) : STATUS_OK;
}

/**
 * struct ours - messages that are to be taken back
 * @seqs:	their numbers
 * @count:	how many
 * @room:	for how many
 */
struct ours {
	__u64		*seqs;
	size_t		count;
	size_t		room;
};

static void find_ours(const struct mboxfs_msg *m, void *arg)
{
	struct ours *ours = arg;

	if (m->pid != getpid())
		return;
	if (ours->count == ours->room) {
		ours->room = ours->room ? 2 * ours->room : 1024;
		ours->seqs = need_memory(realloc(ours->seqs, ours->room *
						 sizeof(*ours->seqs)));
	}
	ours->seqs[ours->count++] = m->seq;
}

/* The dead ones cannot be cancelled, but received. */
static void take_dead_back(int fd)
{
	char *room = message_room();
	struct mboxfs_msg m;
	ssize_t len;

	do {
		mbox_msg_init(&m);
		m.flags = MBOXFS_NONBLOCK | MBOXFS_DEAD | MBOXFS_FROM;
		m.pid = getpid();
		len = mbox_recv_msg(fd, room, MBOXFS_MESSAGE_MAX, &m);
	} while (len >= 0);
	free(room);
}

/* What has been sent to a mailbox in which there was nothing. */
static void take_back(int fd)
{
	struct ours ours = { .seqs = NULL };
	size_t at, count;

	look_at_heads(fd, MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED, find_ours,
		      &ours);
	for (at = 0; at < ours.count; at += count) {
		count = ours.count - at;
		if (count > MBOXFS_BATCH_MAX)
			count = MBOXFS_BATCH_MAX;
		mbox_cancel(fd, ours.seqs + at, count, MBOXFS_BY_SEQ);
	}
	free(ours.seqs);
	take_dead_back(fd);
}

/* Nothing has been restored. */
static void undo_node(const struct load *l, const struct plan *plan)
{
	const char *name;
	int above = open_above(l, plan->path, &name), fd;

	if (above < 0)
		return;
	if (plan->made) {
		unlinkat(above, name, plan->group ? AT_REMOVEDIR : 0);
	} else if (plan->begun) {
		fd = mbox_open(above, name, O_RDWR | O_NOFOLLOW);
		if (fd >= 0) {
			take_back(fd);
			close(fd);
		}
	}
	close(above);
}

/* The group to load into is made as the dump's first node, if that is one. */
static int open_root(struct load *l)
{
	uint64_t at = sizeof(struct dump_header);
	struct dump_record r;

	if (next_record(l, &at, &r) && r.type == DUMP_GROUP && !*r.path) {
		l->root = make_group(AT_FDCWD, l->path, &r);
		l->plans[1].made = l->root >= 0;
	} else {
		l->root = mbox_create_group(AT_FDCWD, l->path, O_EXCL, 0755,
					    NULL, 0, NULL);
	}
	return l->root < 0 ? report_new(l->path, l->root) : STATUS_OK;
}

static int load_all(struct load *l)
{
	const char *why;
	int status;
	size_t i;

	status = l->root < 0 ? open_root(l) : STATUS_OK;
	if (status)
		return status;
	status = load_records(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	hide_progress();
	why = interrupted() ? "interrupted" : "not complete";
	if (status && l->restore) {
		for (i = l->file.nodes; i > 0; i--)
			undo_node(l, &l->plans[i]);
		return load_refused(l, "", why);
	}
	if (status)
		complain(l->name, "%s; %llu of %llu messages are loaded, --skip %llu goes on",
			 why, (unsigned long long)l->done,
			 (unsigned long long)l->file.messages,
			 (unsigned long long)l->done);
	return worse(status, all_records(l, finish_record));
}

static void show_sum(const struct load *l)
{
	uint64_t sent = l->done - l->o->skip;

	if (l->o->json) {
		json_begin();
		json_string("file", l->name);
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
	const char *why = dump_check(&l->file);
	int status;

	if (why)
		return load_refused(l, l->name, why);
	if (l->o->skip > l->file.messages)
		return bad_usage("--skip: there are only %llu messages",
				 (unsigned long long)l->file.messages);
	l->plans = need_memory(calloc(l->file.nodes + 1, sizeof(*l->plans)));
	l->root = mbox_open_group(AT_FDCWD, l->path);
	if (l->root < 0 && (l->root != -ENOENT || l->restore))
		return report(l->path, -1, l->root, 0);
	status = check_all(l);
	if (!status)
		status = load_all(l);
	if (!status)
		show_sum(l);
	return status;
}

int load_file(const struct loading *what)
{
	struct load l = {
		.o = what->o,
		.name = what->file,
		.path = what->path,
		.restore = what->restore,
		.root = -1,
		.fd = -1,
	};
	int status;
	size_t i;

	catch_signals();
	status = read_file(&l, what->fd);
	if (!status)
		status = check_and_load(&l);
	if (l.root >= 0)
		close(l.root);
	for (i = 1; l.plans && i <= l.file.nodes; i++)
		free(l.plans[i].path);
	free(l.plans);
	free(l.file.data);
	return status;
}

int do_load(const struct options *o, int argc, char **argv)
{
	struct loading what = { .o = o, .file = argv[0], .path = argv[1] };
	int status;

	what.fd = open(what.file, O_RDONLY | O_CLOEXEC);
	if (what.fd < 0) {
		complain(what.file, "%s", strerror(errno));
		return STATUS_ERROR;
	}
	status = load_file(&what);
	close(what.fd);
	return status;
}
