// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump: save the messages of a tree in a file.
 *
 * They are copied, and stay. Or they are taken: a message that has been
 * received is nowhere else any more, so it is received right into the file, and
 * what is known about it too: at whatever moment dump is killed, each message
 * is in the mailbox or in the file. If one needs more room than has been set
 * aside, its copy runs into the end of the file: receiving fails and the
 * message stays.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dumpfile.h"

#define FIRST_ROOM	65536

/**
 * struct dump - a dump that is being made
 * @o:		options
 * @w:		where to
 * @delayed:	delayed messages that have been left
 * @leased:	likewise on lease
 * @broken:	something has failed, and nothing more is taken
 * @pid_depth:	depth of the group of processes that the walk is in, or below 0
 */
struct dump {
	const struct options	*o;
	struct dump_writer	*w;
	uint64_t		delayed;
	uint64_t		leased;
	bool			broken;
	int			pid_depth;
};

/**
 * struct head - what receiving does not tell
 * @seq:	of this message
 * @left:	what it had left to live, as in the file
 * @attempts:	how often it has been on lease
 */
struct head {
	uint64_t	seq;
	int64_t		left;
	uint32_t	attempts;
};

/**
 * struct heads - those of a mailbox
 * @list:	by seq, in the end
 * @count:	how many
 * @room:	for how many
 */
struct heads {
	struct head	*list;
	size_t		count;
	size_t		room;
};

static void add_head(const struct mboxfs_msg *m, void *arg)
{
	struct heads *heads = arg;

	if (heads->count == heads->room) {
		heads->room = heads->room ? 2 * heads->room : 1024;
		heads->list = need_memory(realloc(heads->list, heads->room *
						  sizeof(*heads->list)));
	}
	heads->list[heads->count++] = (struct head){
		.seq = m->seq,
		.left = m->timeout_ns ?: 1,
		.attempts = m->attempts,
	};
}

static int compare_heads(const void *a, const void *b)
{
	const struct head *first = a, *second = b;

	return first->seq < second->seq ? -1 : first->seq > second->seq;
}

static int find_heads(int fd, struct heads *heads)
{
	int ret = look_at_heads(fd, MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DEAD,
				add_head, heads);

	if (heads->count)
		qsort(heads->list, heads->count, sizeof(*heads->list),
		      compare_heads);
	return ret;
}

/* What has been received is now as it was when it was looked at. */
static void complete(struct mboxfs_msg *m, const struct heads *heads)
{
	struct head key = { .seq = m->seq };
	const struct head *head = heads->count ?
		bsearch(&key, heads->list, heads->count, sizeof(key),
			compare_heads) : NULL;

	m->timeout_ns = head ? head->left : 0;
	m->attempts = head ? head->attempts : 0;
	m->delay_ns = 0;
}

static int failed(const struct node *node, int error)
{
	hide_progress();
	return report(node->path, node->fd, error, 0);
}

/* Receive into the file; returns the length, or a negative error number. */
static ssize_t receive(struct dump *d, int fd, char *body, bool dead)
{
	struct dump_taking *taking = d->w->taking;

	taking->state = htole32(dead ? MBOXFS_IS_DEAD : 0);
	mbox_msg_init(&taking->m);
	taking->m.flags = MBOXFS_NONBLOCK | (dead ? MBOXFS_DEAD : 0);
	return mbox_recv_msg(fd, body, MBOXFS_MESSAGE_MAX, &taking->m);
}

/* Sets *@status; returns whether there was a message. */
static bool take_message(struct dump *d, const struct node *node, bool dead,
			 const struct heads *heads, int *status)
{
	struct dump_message *record;
	uint64_t room = FIRST_ROOM;
	struct mboxfs_msg m;
	ssize_t len;

	do {
		record = dump_room(d->w, sizeof(*record) + room);
		*status = record ? STATUS_OK : STATUS_ERROR;
		if (*status)
			return false;
		len = receive(d, node->fd, (char *)(record + 1), dead);
		/* What is there now is no message. */
		if (len == -EFAULT)
			memset(record, 0, d->w->reserved - d->w->used);
		room *= 4;
	} while (len == -EFAULT && room <= MBOXFS_MESSAGE_MAX);
	if (len < 0) {
		d->w->taking->m.seq = 0;
		if (len != -EAGAIN && len != -ESHUTDOWN)
			*status = failed(node, len);
		return false;
	}
	m = d->w->taking->m;
	m.flags = dead ? MBOXFS_IS_DEAD : 0;
	complete(&m, heads);
	dump_add_message(d->w, &m);
	d->w->taking->m.seq = 0;
	return true;
}

/* At most as many as there are: others may go on sending. */
static int take_some(struct dump *d, const struct node *node, uint64_t most,
		     bool dead, const struct heads *heads)
{
	int status = STATUS_OK;

	while (most-- && !interrupted() &&
	       take_message(d, node, dead, heads, &status))
		show_progress(d->w->messages, 0, d->w->used);
	return status;
}

static int take_messages(struct dump *d, const struct node *node,
			 const struct mboxfs_stat *stat)
{
	uint64_t most = stat->messages;
	struct heads heads = { .list = NULL };
	int ret = 0, status;

	if (d->o->delayed == DELAYED_PUBLISH && stat->delayed_messages) {
		ret = mbox_flush(node->fd);
		most += stat->delayed_messages;
	} else {
		d->delayed += stat->delayed_messages;
	}
	if (ret >= 0)
		ret = find_heads(node->fd, &heads);
	if (ret < 0)
		status = failed(node, ret);
	else
		status = take_some(d, node, most, false, &heads);
	if (!status)
		status = take_some(d, node, stat->dead_messages, true, &heads);
	d->leased += stat->leased_messages;
	free(heads.list);
	return status;
}

/* Whether the mailbox is of a process: nobody else receives from it. */
static bool of_process(struct dump *d, const struct node *node)
{
	uint64_t naming;

	if (node->depth <= d->pid_depth)
		d->pid_depth = -1;
	if (!node->group)
		return d->pid_depth >= 0;
	if (node->fd >= 0 &&
	    !mbox_attr_get(node->fd, MBOX_NAMING, &naming) &&
	    naming == MBOX_NAMING_PID)
		d->pid_depth = node->depth;
	return false;
}

/* What would be lost is said before anything is taken. */
static int visit_check(const struct node *node, void *arg)
{
	struct dump *d = arg;
	struct mboxfs_stat stat;
	int ret;

	if (node->fd < 0)
		return report(node->path, -1, node->error, 0);
	if (of_process(d, node)) {
		complain(node->path, "left out: only its process can receive");
		return STATUS_OK;
	}
	if (node->group || !d->o->take)
		return STATUS_OK;
	ret = mbox_stat(node->fd, &stat);
	if (ret < 0)
		return report(node->path, node->fd, ret, 0);
	if (!stat.delayed_messages || d->o->delayed != DELAYED_REFUSE)
		return STATUS_OK;
	complain(node->path, "%llu messages are delayed; use --delayed=leave, or publish",
		 (unsigned long long)stat.delayed_messages);
	return STATUS_ERROR;
}

static int dump_node(struct dump *d, const struct node *node)
{
	struct mboxfs_stat stat;
	int ret;

	if (dump_add_node(d->w, node))
		return STATUS_ERROR;
	if (node->group)
		return STATUS_OK;
	ret = mbox_stat(node->fd, &stat);
	if (ret >= 0 && d->o->take)
		return take_messages(d, node, &stat);
	if (ret >= 0)
		ret = copy_messages(d->w, node->fd, &stat);
	return ret < 0 ? failed(node, ret) : ret;
}

static int visit_dump(const struct node *node, void *arg)
{
	struct dump *d = arg;
	int status;

	if (node->fd < 0 || of_process(d, node) || interrupted() || d->broken)
		return STATUS_OK;
	status = dump_node(d, node);
	d->broken = status;
	return status;
}

static void say_left(const char *root, uint64_t count, const char *what)
{
	if (count)
		complain(root, "%llu %s are still there",
			 (unsigned long long)count, what);
}

/* Write all that is at @root and below. */
int dump_tree(struct dump_writer *w, const struct options *o, const char *root)
{
	struct dump d = { .o = o, .w = w, .pid_depth = -1 };
	int status = walk(root, true, visit_dump, &d);

	hide_progress();
	say_left(root, d.delayed, "delayed messages");
	say_left(root, d.leased, "messages on lease");
	return status;
}

/* Whether all of it can be dumped. */
int dump_check_tree(const struct options *o, const char *root)
{
	struct dump d = { .o = o, .pid_depth = -1 };

	return walk(root, true, visit_check, &d);
}

/* A new name is on the disk only when its directory is. */
static int sync_directory(const char *file)
{
	char *path = need_memory(strdup(file)), *slash = strrchr(path, '/');
	int fd, status = STATUS_OK;

	if (slash)
		slash[1] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0) {
		complain(file, "cannot write its directory: %s",
			 strerror(errno));
		status = STATUS_ERROR;
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

static int open_partial(struct dump_writer *w, const char *file)
{
	if (access(file, F_OK) == 0) {
		complain(file, "is there already");
		return STATUS_ERROR;
	}
	w->fd = open(w->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd >= 0)
		return STATUS_OK;
	if (errno == EEXIST)
		complain(w->name, "left by a dump that was killed; use dump --seal %s",
			 file);
	else
		complain(w->name, "cannot make it: %s", strerror(errno));
	return STATUS_ERROR;
}

/* Complete the file, and give it its name. */
static int seal(struct dump_writer *w, const char *file)
{
	if (dump_seal(w))
		return STATUS_ERROR;
	if (renameat2(AT_FDCWD, w->name, AT_FDCWD, file,
		      RENAME_NOREPLACE) < 0) {
		complain(file, "cannot give it its name: %s", strerror(errno));
		return STATUS_ERROR;
	}
	return sync_directory(file);
}

/* Whatever has gone wrong: what has been taken is kept. */
static int finish(struct dump_writer *w, const struct options *o,
		  const char *file, int status)
{
	bool keep = !status;

	if (interrupted()) {
		complain(file, o->take ?
			 "interrupted; what was not taken is still in its mailboxes" :
			 "interrupted; there is no dump");
		status = STATUS_ERROR;
		keep = false;
	}
	if (!keep && !(o->take && w->messages)) {
		unlink(w->name);
		return status;
	}
	if (seal(w, file))
		return STATUS_ERROR;
	dump_show(w, o->json, file);
	return status;
}

static int make_dump(struct dump_writer *w, const struct options *o,
		     const char *root, const char *file)
{
	int status = dump_check_tree(o, root);

	if (status)
		return status;
	catch_signals();
	status = open_partial(w, file);
	if (status)
		return status;
	status = dump_begin(w, o->take);
	if (!status)
		status = dump_tree(w, o, root);
	return finish(w, o, file, status);
}

static int seal_old(struct dump_writer *w, const struct options *o,
		    const char *file)
{
	w->fd = open(w->name, O_RDWR | O_CLOEXEC);
	if (w->fd < 0) {
		complain(w->name, "cannot open it: %s", strerror(errno));
		return STATUS_ERROR;
	}
	if (dump_find_end(w) || seal(w, file))
		return STATUS_ERROR;
	dump_show(w, o->json, file);
	return STATUS_OK;
}

int do_dump(const struct options *o, int argc, char **argv)
{
	struct dump_writer w = { .fd = -1 };
	const char *file = argv[argc - 1];
	char *partial;
	int status;

	if (o->seal && (argc != 1 || o->take))
		return bad_usage("--seal takes only the FILE of a dump");
	if (!o->seal && argc != 2)
		return bad_usage("where to? A FILE is missing");
	if (!o->take && o->delayed)
		return bad_usage("--delayed goes with --take");
	if (asprintf(&partial, "%s.partial", file) < 0)
		partial = need_memory(NULL);
	w.name = partial;
	if (o->seal)
		status = seal_old(&w, o, file);
	else
		status = make_dump(&w, o, argv[0], file);
	dump_end(&w);
	free(partial);
	return status;
}
