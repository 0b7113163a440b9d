// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing the file of a dump: by a shared mapping, so that what has been put
 * there is in the file at whatever moment this is killed. A record counts from
 * when it has its type, which is written last. The room is set aside first, so
 * that a full disk is found out before.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dumpfile.h"

/* The window moves on when so much of it is used. */
#define WINDOW_USED	((uint64_t)1024 * 1024)
#define WINDOW		(2 * WINDOW_USED + MBOXFS_MESSAGE_MAX)

static_assert(sizeof(struct dump_header) == 48, "as in the file");
static_assert(sizeof(struct dump_node) == 24, "as in the file");
static_assert(sizeof(struct dump_message) == 96, "as in the file");
static_assert(sizeof(struct dump_taking) == 96, "as in the file");

static int file_failed(const struct dump_writer *w, const char *what)
{
	int error = errno;

	hide_progress();
	complain(w->name, "%s: %s", what, strerror(error));
	return STATUS_ERROR;
}

/* Let the window begin where the records end. */
static int move_window(struct dump_writer *w)
{
	uint64_t page = sysconf(_SC_PAGESIZE);

	if (w->window && w->used - w->begin < WINDOW_USED)
		return STATUS_OK;
	if (w->window)
		munmap(w->window, WINDOW);
	w->begin = w->used & ~(page - 1);
	w->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED,
			 w->fd, w->begin);
	if (w->window != MAP_FAILED)
		return STATUS_OK;
	w->window = NULL;
	return file_failed(w, "cannot map it");
}

/*
 * Set so many bytes aside on the disk, and have them in the window. Returns the
 * end of the records, or NULL; what is wrong has been said then.
 */
void *dump_room(struct dump_writer *w, uint64_t size)
{
	uint64_t end = w->used + size;

	if (move_window(w))
		return NULL;
	if (end > w->reserved) {
		/* More than needed: setting aside takes time. */
		end += WINDOW_USED / 2;
		do {
			errno = posix_fallocate(w->fd, w->reserved,
						end - w->reserved);
		} while (errno == EINTR && !interrupted());
		if (errno) {
			file_failed(w, "no room");
			return NULL;
		}
		w->reserved = end;
	}
	return w->window + (w->used - w->begin);
}

/* The record at the end is complete but for its type. */
static void added(struct dump_writer *w, __le32 *type, uint32_t value,
		  uint64_t size)
{
	__atomic_store_n(type, htole32(value), __ATOMIC_RELEASE);
	w->used += (size + 7) & ~7ULL;
}

/* The settings as text; 0: too long, which they never are. */
static size_t settings_text(int fd, bool group, char *text, size_t size)
{
	char value[MBOX_TEXT_SIZE];
	size_t len = 0;
	int i;

	for (i = 0; mbox_attr_name(i); i++) {
		if (!attr_belongs(i, group) ||
		    ((mbox_attr_flags(i) & MBOX_ATTR_COUNTER) &&
		     i != MBOX_ONCE_TAG) ||
		    mbox_get(fd, mbox_attr_name(i), value, sizeof(value)) < 0)
			continue;
		len += snprintf(text + len, size - len, "%s=%s\n",
				mbox_attr_name(i), value);
		if (len >= size)
			return 0;
	}
	return len;
}

int dump_add_node(struct dump_writer *w, const struct node *node)
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
	record = dump_room(w, sizeof(*record) + path_len + text_len);
	if (!record)
		return STATUS_ERROR;
	record->mode = htole32(node->st.st_mode & 07777);
	record->path_len = htole32(path_len);
	record->text_len = htole32(text_len);
	record->uid = htole32(node->st.st_uid);
	record->gid = htole32(node->st.st_gid);
	memcpy(record + 1, path, path_len);
	memcpy((char *)(record + 1) + path_len, text, text_len);
	added(w, &record->type, node->group ? DUMP_GROUP : DUMP_MAILBOX,
	      sizeof(*record) + path_len + text_len);
	w->nodes++;
	w->mailboxes += !node->group;
	return STATUS_OK;
}

/*
 * Add a message, for which there is room; its bytes are there already, behind
 * the place of its record.
 */
void dump_add_message(struct dump_writer *w, const struct mboxfs_msg *m)
{
	struct dump_message *to = (void *)(w->window + (w->used - w->begin));

	*to = (struct dump_message){
		.len = htole32(m->len),
		.flags = htole32(m->flags),
		.priority = htole32(m->priority),
		.pid = htole32(m->pid),
		.uid = htole32(m->uid),
		.gid = htole32(m->gid),
		.tag = htole64(m->tag),
		.timeout_ns = htole64(m->timeout_ns),
		.delay_ns = htole64(m->delay_ns),
		.sent_ns = htole64(m->sent_ns),
		.seq = htole64(m->seq),
		.attempts = htole32(m->attempts),
	};
	added(w, &to->type, DUMP_MESSAGE, sizeof(*to) + m->len);
	w->messages++;
}

/* The first page, in which the message that is being taken is told of. */
static int map_taking(struct dump_writer *w)
{
	char *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
			  MAP_SHARED, w->fd, 0);

	if (page == MAP_FAILED)
		return file_failed(w, "cannot map it");
	w->taking = (void *)(page + sizeof(struct dump_header));
	return STATUS_OK;
}

/* Begin the file, which is open and empty. */
int dump_begin(struct dump_writer *w, bool take)
{
	struct dump_header *header = dump_room(w, sizeof(*header) +
					       sizeof(*w->taking));

	if (!header)
		return STATUS_ERROR;
	*header = (struct dump_header){
		.magic = DUMP_MAGIC,
		.version = htole32(DUMP_VERSION),
		.order = htole32(DUMP_ORDER),
	};
	w->used = sizeof(*header);
	if (!take)
		return STATUS_OK;
	if (map_taking(w))
		return STATUS_ERROR;
	added(w, &w->taking->type, DUMP_TAKING, sizeof(*w->taking));
	return STATUS_OK;
}

/*
 * Count the records of a file that is mapped, and find their end. Returns the
 * seq of the last one, if that is a message.
 */
static uint64_t count_records(struct dump_writer *w,
			      const struct dump_file *file)
{
	struct dump_record r;
	int64_t next = sizeof(struct dump_header);
	uint64_t seq = 0;

	while (next >= 0) {
		w->used = next;
		next = dump_next(file, w->used, &r);
		if (next < 0)
			break;
		seq = r.type == DUMP_MESSAGE ? r.m.seq : 0;
		w->nodes += r.type == DUMP_GROUP || r.type == DUMP_MAILBOX;
		w->mailboxes += r.type == DUMP_MAILBOX;
		w->messages += r.type == DUMP_MESSAGE;
		if (r.type == DUMP_TAKING && !w->taking)
			map_taking(w);
	}
	return seq;
}

/*
 * What was killed after it had taken a message, and before it had told of it:
 * the bytes are there. @last is the seq of the last one in the file.
 */
static void add_taken(struct dump_writer *w, uint64_t last)
{
	uint64_t room = w->reserved - w->used;
	struct mboxfs_msg m;

	if (!w->taking || !w->taking->m.seq || w->taking->m.seq == last)
		return;
	m = w->taking->m;
	m.flags = le32toh(w->taking->state) & MBOXFS_IS_DEAD;
	m.timeout_ns = 0;
	m.attempts = 0;
	if (room >= sizeof(struct dump_message) &&
	    m.len <= room - sizeof(struct dump_message) && w->mailboxes &&
	    dump_room(w, sizeof(struct dump_message) + m.len))
		dump_add_message(w, &m);
}

/* Find the end of the records that a killed dump has left, to seal it. */
int dump_find_end(struct dump_writer *w)
{
	struct dump_file file = { .version = DUMP_VERSION };
	struct dump_header header;
	struct stat st;
	uint64_t last;

	if (fstat(w->fd, &st) < 0 || pread(w->fd, &header, sizeof(header), 0) !=
	    sizeof(header) || memcmp(header.magic, DUMP_MAGIC, 8) ||
	    le32toh(header.version) != DUMP_VERSION ||
	    le32toh(header.order) != DUMP_ORDER) {
		complain(w->name, "nothing that a dump has left");
		return STATUS_ERROR;
	}
	w->reserved = st.st_size;
	file.len = st.st_size;
	file.data = mmap(NULL, file.len, PROT_READ, MAP_SHARED, w->fd, 0);
	if (file.data == MAP_FAILED)
		return file_failed(w, "cannot map it");
	last = count_records(w, &file);
	munmap(file.data, file.len);
	add_taken(w, last);
	return STATUS_OK;
}

static int write_header(struct dump_writer *w, const struct dump_header *header)
{
	if (pwrite(w->fd, header, sizeof(*header), 0) == sizeof(*header))
		return STATUS_OK;
	return file_failed(w, "cannot write");
}

/* Make what is in the file a dump, with its length and sum, on the disk. */
int dump_seal(struct dump_writer *w)
{
	struct dump_header header = {
		.magic = DUMP_MAGIC,
		.version = htole32(DUMP_VERSION),
		.order = htole32(DUMP_ORDER),
		.length = htole64(w->used),
		.nodes = htole64(w->nodes),
		.messages = htole64(w->messages),
	};
	char *all;

	if (w->taking)
		memset(&w->taking->state, 0, sizeof(*w->taking) -
		       sizeof(w->taking->type));
	if (ftruncate(w->fd, w->used) < 0)
		return file_failed(w, "cannot cut it");
	if (write_header(w, &header))
		return STATUS_ERROR;
	all = mmap(NULL, w->used, PROT_READ, MAP_SHARED, w->fd, 0);
	if (all == MAP_FAILED)
		return file_failed(w, "cannot map it");
	header.sum = htole64(dump_sum(all, w->used));
	munmap(all, w->used);
	if (write_header(w, &header))
		return STATUS_ERROR;
	return fsync(w->fd) < 0 ? file_failed(w, "cannot write") : STATUS_OK;
}

void dump_end(struct dump_writer *w)
{
	if (w->window)
		munmap(w->window, WINDOW);
	if (w->taking)
		munmap((char *)w->taking - sizeof(struct dump_header),
		       sysconf(_SC_PAGESIZE));
	if (w->fd >= 0)
		close(w->fd);
}

void dump_show(const struct dump_writer *w, bool json, const char *file)
{
	if (json) {
		json_begin();
		json_string("file", file);
		json_number("mailboxes", w->mailboxes);
		json_number("messages", w->messages);
		json_end();
	} else {
		printf("messages=%llu mailboxes=%llu\n",
		       (unsigned long long)w->messages,
		       (unsigned long long)w->mailboxes);
	}
}
