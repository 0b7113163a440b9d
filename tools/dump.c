// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump: save the messages of a tree in a file.
 *
 * A message that has been received is nowhere else any more. So it is received
 * right into the file, by a shared mapping, with all that is known about it:
 * at whatever moment dump is killed, each message is in the mailbox or in the
 * file. The room is set aside first, so that a full disk is found out before. If
 * a message needs more, its copy runs into the end of the file: receiving fails
 * and the message stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dumpfile.h"

/* The window moves on when so much of it is used. */
#define WINDOW_USED	((uint64_t)1024 * 1024)
#define WINDOW		(2 * WINDOW_USED + MBOXFS_MESSAGE_MAX)
#define FIRST_ROOM	65536

/**
 * struct dump - a dump that is being made
 * @o:		options
 * @root:	of what
 * @file:	where to
 * @partial:	what it is called until it is complete
 * @fd:		the file
 * @window:	a part of it, mapped
 * @begin:	where that begins
 * @used:	where the records end
 * @reserved:	how long the file is
 * @nodes:	how many are in it
 * @mailboxes:	how many of them are mailboxes
 * @messages:	how many
 * @left:	delayed messages that have been left
 * @broken:	something has failed, and nothing more is taken
 * @pid_depth:	depth of the group of processes that the walk is in, or below 0
 */
struct dump {
	const struct options	*o;
	const char		*root;
	const char		*file;
	char			*partial;
	int			fd;
	char			*window;
	uint64_t		begin;
	uint64_t		used;
	uint64_t		reserved;
	uint64_t		nodes;
	uint64_t		mailboxes;
	uint64_t		messages;
	uint64_t		left;
	bool			broken;
	int			pid_depth;
};

static volatile sig_atomic_t caught;

static void catch(int number)
{
	caught = number;
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = catch };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static int file_failed(const char *path, const char *what)
{
	complain(path, "%s: %s", what, strerror(errno));
	return STATUS_ERROR;
}

/* Let the window begin where the records end. */
static int move_window(struct dump *d)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	if (d->window && d->used - d->begin < WINDOW_USED)
		return STATUS_OK;
	if (d->window)
		munmap(d->window, WINDOW);
	d->begin = d->used & ~(page - 1);
	d->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED,
			 d->fd, d->begin);
	if (d->window != MAP_FAILED)
		return STATUS_OK;
	d->window = NULL;
	return file_failed(d->partial, "cannot map it");
}

/* Set so many bytes aside on the disk, and have them in the window. */
static int reserve(struct dump *d, uint64_t size)
{
	uint64_t end = d->used + size;

	if (move_window(d))
		return STATUS_ERROR;
	if (end <= d->reserved)
		return STATUS_OK;
	/* More than needed: setting aside takes time. */
	end += WINDOW_USED / 2;
	do {
		errno = posix_fallocate(d->fd, d->reserved, end - d->reserved);
	} while (errno == EINTR);
	if (errno)
		return file_failed(d->partial, "no room");
	d->reserved = end;
	return STATUS_OK;
}

static void *at_end(struct dump *d)
{
	return d->window + (d->used - d->begin);
}

static void added(struct dump *d, uint64_t size)
{
	d->used += (size + 7) & ~7ULL;
}

/* The settings as text; 0: too long, which they never are. */
static size_t settings_text(int fd, bool group, char *text, size_t size)
{
	char value[MBOX_TEXT_SIZE];
	size_t len = 0;
	int i;

	for (i = 0; mbox_attr_name(i); i++) {
		if (!attr_belongs(i, group) ||
		    (mbox_attr_flags(i) & MBOX_ATTR_COUNTER) ||
		    mbox_get(fd, mbox_attr_name(i), value, sizeof(value)) < 0)
			continue;
		len += snprintf(text + len, size - len, "%s=%s\n",
				mbox_attr_name(i), value);
		if (len >= size)
			return 0;
	}
	return len;
}

static int add_node(struct dump *d, const struct node *node)
{
	/* A mailbox that is dumped alone is called as it is. */
	const char *path = node->depth || node->group ? node->below :
		node->name;
	char text[4096];
	struct dump_node *record;
	size_t path_len = strlen(path), text_len;

	text_len = settings_text(node->fd, node->group, text, sizeof(text));
	if (path_len >= 4096) {
		complain(node->path, "the path is too long");
		return STATUS_ERROR;
	}
	if (reserve(d, sizeof(*record) + path_len + text_len))
		return STATUS_ERROR;
	record = at_end(d);
	record->mode = node->st.st_mode & 07777;
	record->path_len = path_len;
	record->text_len = text_len;
	memcpy(record + 1, path, path_len);
	memcpy((char *)(record + 1) + path_len, text, text_len);
	record->type = node->group ? DUMP_GROUP : DUMP_MAILBOX;
	added(d, sizeof(*record) + path_len + text_len);
	d->nodes++;
	d->mailboxes += !node->group;
	return STATUS_OK;
}

/* Receive into the file; returns the length, or a negative error number. */
static ssize_t receive(struct dump *d, int fd, struct dump_message *record,
		       uint32_t flags)
{
	mbox_msg_init(&record->m);
	record->type = DUMP_MESSAGE;
	record->m.flags = flags | MBOXFS_NONBLOCK;
	return mbox_recv_msg(fd, record + 1, MBOXFS_MESSAGE_MAX, &record->m);
}

/* Sets *@status; returns whether there was a message. */
static bool add_message(struct dump *d, const struct node *node,
			uint32_t flags, int *status)
{
	struct dump_message *record;
	uint64_t room = FIRST_ROOM;
	ssize_t len;

	do {
		*status = reserve(d, sizeof(*record) + room);
		if (*status)
			return false;
		record = at_end(d);
		len = receive(d, node->fd, record, flags);
		/* What is there now is no message. */
		if (len < 0)
			memset(record, 0, len == -EFAULT ?
			       d->reserved - d->used : sizeof(*record));
		room *= 4;
	} while (len == -EFAULT && room <= MBOXFS_MESSAGE_MAX);
	if (len < 0) {
		if (len != -EAGAIN && len != -ESHUTDOWN)
			*status = report(node->path, node->fd, len, 0);
		return false;
	}
	/* What is of no use to others. */
	record->m.data = 0;
	record->m.flags = 0;
	record->m.timeout_ns = 0;
	added(d, sizeof(*record) + len);
	d->messages++;
	return true;
}

/* At most as many as there are: others may go on sending. */
static int take_messages(struct dump *d, const struct node *node,
			 struct mboxfs_stat *stat)
{
	uint64_t most = stat->messages;
	int status = STATUS_OK, ret;

	if (d->o->delayed == DELAYED_PUBLISH && stat->delayed_messages) {
		ret = mbox_flush(node->fd);
		if (ret < 0)
			return report(node->path, node->fd, ret, 0);
		most += stat->delayed_messages;
	} else {
		d->left += stat->delayed_messages;
	}
	while (most-- && !caught && add_message(d, node, 0, &status))
		;
	return status;
}

static int changed(const char *path)
{
	complain(path, "others send or receive meanwhile; stop it first");
	return STATUS_ERROR;
}

/* The one message that peeking can see. */
static int copy_message(struct dump *d, const struct node *node,
			const struct mboxfs_stat *before)
{
	struct mboxfs_stat after;
	int status;

	if (!add_message(d, node, MBOXFS_PEEK, &status))
		return status ?: changed(node->path);
	if (mbox_stat(node->fd, &after) < 0 || after.messages != 1 ||
	    after.delayed_messages || after.sent_total != before->sent_total)
		return changed(node->path);
	return STATUS_OK;
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
static int check_mailbox(struct dump *d, const struct node *node,
			 const struct mboxfs_stat *stat)
{
	unsigned long long delayed = stat->delayed_messages;

	if (!d->o->take && stat->messages + delayed > (delayed ? 0 : 1)) {
		complain(node->path, "%llu messages, but only one can be copied; --take takes them",
			 (unsigned long long)stat->messages + delayed);
		return STATUS_ERROR;
	}
	if (delayed && d->o->delayed == DELAYED_REFUSE) {
		complain(node->path, "%llu messages are delayed; use --delayed=leave, or publish",
			 delayed);
		return STATUS_ERROR;
	}
	return STATUS_OK;
}

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
	if (node->group)
		return STATUS_OK;
	ret = mbox_stat(node->fd, &stat);
	if (ret < 0)
		return report(node->path, node->fd, ret, 0);
	return check_mailbox(d, node, &stat);
}

static int dump_node(struct dump *d, const struct node *node)
{
	struct mboxfs_stat stat;
	int ret;

	if (add_node(d, node))
		return STATUS_ERROR;
	if (node->group)
		return STATUS_OK;
	ret = mbox_stat(node->fd, &stat);
	if (ret < 0)
		return report(node->path, node->fd, ret, 0);
	if (d->o->take)
		return take_messages(d, node, &stat);
	if (check_mailbox(d, node, &stat))
		return STATUS_ERROR;
	return stat.messages ? copy_message(d, node, &stat) : STATUS_OK;
}

static int visit_dump(const struct node *node, void *arg)
{
	struct dump *d = arg;
	int status;

	if (node->fd < 0 || of_process(d, node) || caught || d->broken)
		return STATUS_OK;
	status = dump_node(d, node);
	d->broken = status;
	return status;
}

/* Make what is in the file a dump: with its length, sum and own name. */
static int seal(struct dump *d)
{
	struct dump_header header = {
		.magic = DUMP_MAGIC,
		.version = DUMP_VERSION,
		.order = DUMP_ORDER,
		.length = d->used,
		.nodes = d->nodes,
		.messages = d->messages,
	};
	char *all;

	if (ftruncate(d->fd, d->used) < 0)
		return file_failed(d->partial, "cannot cut it");
	if (pwrite(d->fd, &header, sizeof(header), 0) != sizeof(header))
		return file_failed(d->partial, "cannot write");
	all = mmap(NULL, d->used, PROT_READ, MAP_SHARED, d->fd, 0);
	if (all == MAP_FAILED)
		return file_failed(d->partial, "cannot map it");
	header.sum = dump_sum(all, d->used);
	munmap(all, d->used);
	if (pwrite(d->fd, &header, sizeof(header), 0) != sizeof(header) ||
	    fsync(d->fd) < 0)
		return file_failed(d->partial, "cannot write");
	if (renameat2(AT_FDCWD, d->partial, AT_FDCWD, d->file,
		      RENAME_NOREPLACE) < 0)
		return file_failed(d->file, "cannot give it its name");
	return STATUS_OK;
}

/* A new name is on the disk only when its directory is. */
static int sync_directory(const char *file)
{
	char *path = need_memory(strdup(file)), *slash = strrchr(path, '/');
	int fd, status = STATUS_OK;

	if (slash)
		slash[1] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		status = file_failed(file, "cannot write its directory");
	if (fd >= 0)
		close(fd);
	free(path);
	return status;
}

static int open_partial(struct dump *d)
{
	struct dump_header header = {
		.magic = DUMP_MAGIC,
		.version = DUMP_VERSION,
		.order = DUMP_ORDER,
	};

	if (access(d->file, F_OK) == 0) {
		complain(d->file, "is there already");
		return STATUS_ERROR;
	}
	d->fd = open(d->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0 && errno == EEXIST) {
		complain(d->partial, "left by a dump that was killed; use dump --seal %s",
			 d->file);
		return STATUS_ERROR;
	}
	if (d->fd < 0)
		return file_failed(d->partial, "cannot make it");
	if (reserve(d, sizeof(header)))
		return STATUS_ERROR;
	memcpy(at_end(d), &header, sizeof(header));
	added(d, sizeof(header));
	return STATUS_OK;
}

static void show_sum(const struct dump *d)
{
	if (d->o->json) {
		json_begin();
		json_string("file", d->file);
		json_number("mailboxes", d->mailboxes);
		json_number("messages", d->messages);
		json_end();
	} else {
		printf("messages=%llu mailboxes=%llu\n",
		       (unsigned long long)d->messages,
		       (unsigned long long)d->mailboxes);
	}
}

/* Whatever has gone wrong: what has been taken is kept. */
static int finish(struct dump *d, int status)
{
	bool keep = !status || (d->o->take && d->messages);

	if (caught) {
		complain(d->file, "interrupted; what was not taken is still in its mailboxes");
		status = STATUS_ERROR;
		keep = d->o->take && d->messages;
	}
	if (!keep) {
		unlink(d->partial);
		return status;
	}
	if (seal(d))
		return STATUS_ERROR;
	status = worse(status, sync_directory(d->file));
	show_sum(d);
	if (d->left)
		complain(d->root, "%llu delayed messages are still there",
			 (unsigned long long)d->left);
	return status;
}

static int make_dump(struct dump *d)
{
	int status;

	d->pid_depth = -1;
	status = walk(d->root, true, visit_check, d);
	if (status)
		return status;
	d->pid_depth = -1;
	catch_signals();
	status = open_partial(d);
	if (!status) {
		status = walk(d->root, true, visit_dump, d);
		status = finish(d, status);
	} else if (d->fd >= 0) {
		unlink(d->partial);
	}
	return status;
}

/* Find the end of the records that a killed dump has left. */
static int find_end(struct dump *d)
{
	struct dump_header header;
	struct dump_record record;
	int64_t next = sizeof(header);
	struct stat st;
	char *all;

	if (fstat(d->fd, &st) < 0 || pread(d->fd, &header, sizeof(header), 0) !=
	    sizeof(header) || memcmp(header.magic, DUMP_MAGIC, 8) ||
	    header.version != DUMP_VERSION || header.order != DUMP_ORDER) {
		complain(d->partial, "nothing that a dump has left");
		return STATUS_ERROR;
	}
	all = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, d->fd, 0);
	if (all == MAP_FAILED)
		return file_failed(d->partial, "cannot map it");
	while (next >= 0) {
		d->used = next;
		next = dump_next(all, st.st_size, d->used, &record);
		if (next < 0)
			break;
		d->nodes += record.type != DUMP_MESSAGE;
		d->mailboxes += record.type == DUMP_MAILBOX;
		d->messages += record.type == DUMP_MESSAGE;
	}
	munmap(all, st.st_size);
	return STATUS_OK;
}

static int seal_old(struct dump *d)
{
	d->fd = open(d->partial, O_RDWR | O_CLOEXEC);
	if (d->fd < 0)
		return file_failed(d->partial, "cannot open it");
	if (find_end(d) || seal(d))
		return STATUS_ERROR;
	show_sum(d);
	return sync_directory(d->file);
}

int do_dump(const struct options *o, int argc, char **argv)
{
	struct dump d = { .o = o, .fd = -1 };
	int status;

	if (o->seal && (argc != 1 || o->take))
		return bad_usage("--seal takes only the FILE of a dump");
	if (!o->seal && argc != 2)
		return bad_usage("where to? A FILE is missing");
	if (!o->take && o->delayed)
		return bad_usage("--delayed goes with --take");
	d.file = argv[argc - 1];
	d.root = argv[0];
	if (asprintf(&d.partial, "%s.partial", d.file) < 0)
		need_memory(NULL);
	status = o->seal ? seal_old(&d) : make_dump(&d);
	if (d.window)
		munmap(d.window, WINDOW);
	if (d.fd >= 0)
		close(d.fd);
	free(d.partial);
	return status;
}
