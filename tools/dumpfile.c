// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the file of a dump. Each of its bytes may be wrong, by accident or
 * on purpose.
 */
#include <endian.h>
#include <string.h>

#include "dumpfile.h"

/* The polynomial of ECMA-182, its lowest bit first. */
#define POLYNOMIAL	0xc96c5795d7870f42ULL

static uint64_t crc(uint64_t sum, const unsigned char *p, size_t len)
{
	static uint64_t table[256];
	unsigned int i, bit;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			table[i] = i;
			for (bit = 0; bit < 8; bit++)
				table[i] = table[i] >> 1 ^
					(table[i] & 1 ? POLYNOMIAL : 0);
		}
	}
	for (; len; p++, len--)
		sum = table[(sum ^ *p) & 255] ^ sum >> 8;
	return sum;
}

/* The sum of a whole dump, whatever its header says it is. */
uint64_t dump_sum(const void *data, size_t len)
{
	struct dump_header header;
	uint64_t sum;

	memcpy(&header, data, sizeof(header));
	header.sum = 0;
	sum = crc(~0ULL, (const unsigned char *)&header, sizeof(header));
	return ~crc(sum, (const unsigned char *)data + sizeof(header),
		    len - sizeof(header));
}

static int64_t next_node(const struct dump_file *file, const char *data,
			 size_t left, struct dump_record *record)
{
	size_t head = file->version == 1 ? DUMP_NODE_SIZE_1 :
		sizeof(struct dump_node), path_len, text_len;
	struct dump_node node = { .uid = -1, .gid = -1 };

	if (left < head)
		return -1;
	memcpy(&node, data, head);
	path_len = le32toh(node.path_len);
	text_len = le32toh(node.text_len);
	record->mode = le32toh(node.mode);
	record->uid = le32toh(node.uid);
	record->gid = le32toh(node.gid);
	if (path_len >= sizeof(record->path) ||
	    text_len >= sizeof(record->text) || record->mode > 07777 ||
	    left - head < path_len + text_len)
		return -1;
	data += head;
	memcpy(record->path, data, path_len);
	record->path[path_len] = '\0';
	memcpy(record->text, data + path_len, text_len);
	record->text[text_len] = '\0';
	if (strlen(record->path) != path_len ||
	    strlen(record->text) != text_len)
		return -1;
	return head + path_len + text_len;
}

/* What a record says about a message; @version 1 knew less of it. */
static void unpack(struct mboxfs_msg *m, const struct dump_message *from,
		   uint32_t version)
{
	*m = (struct mboxfs_msg){
		.len = le32toh(from->len),
		.priority = le32toh(from->priority),
		.pid = le32toh(from->pid),
		.uid = le32toh(from->uid),
		.gid = le32toh(from->gid),
		.tag = le64toh(from->tag),
		.sent_ns = le64toh(from->sent_ns),
		.seq = le64toh(from->seq),
	};
	if (version == 1)
		return;
	m->flags = le32toh(from->flags);
	m->timeout_ns = le64toh(from->timeout_ns);
	m->delay_ns = le64toh(from->delay_ns);
	m->attempts = le32toh(from->attempts);
}

/* In one state at most, and with values that SEND takes. */
static bool good_message(const struct mboxfs_msg *m)
{
	return m->seq && m->len <= MBOXFS_MESSAGE_MAX &&
	       m->priority <= MBOXFS_PRIORITY_MAX &&
	       !(m->flags & ~DUMP_STATES) && !(m->flags & (m->flags - 1)) &&
	       m->timeout_ns >= -1 && m->delay_ns <= INT64_MAX;
}

static int64_t next_message(const struct dump_file *file, const char *data,
			    size_t left, struct dump_record *record)
{
	struct dump_message message;

	if (left < sizeof(message))
		return -1;
	memcpy(&message, data, sizeof(message));
	unpack(&record->m, &message, file->version);
	if (!good_message(&record->m) ||
	    left - sizeof(message) < record->m.len)
		return -1;
	record->body = data + sizeof(message);
	return sizeof(message) + record->m.len;
}

/*
 * The record at @at of a dump. Returns where the next one begins, or -1 if
 * there is no whole one.
 */
int64_t dump_next(const struct dump_file *file, uint64_t at,
		  struct dump_record *record)
{
	int64_t size = -1;
	const char *data;
	size_t left;
	__le32 type;

	if (at > file->len || file->len - at < sizeof(type))
		return -1;
	data = file->data + at;
	left = file->len - at;
	memcpy(&type, data, sizeof(type));
	record->type = le32toh(type);
	if (record->type == DUMP_MESSAGE)
		size = next_message(file, data, left, record);
	else if (record->type == DUMP_GROUP || record->type == DUMP_MAILBOX)
		size = next_node(file, data, left, record);
	else if (record->type == DUMP_TAKING && file->version > 1)
		size = sizeof(struct dump_taking);
	if (size < 0)
		return -1;
	size = (size + 7) & ~7LL;
	return (uint64_t)size > left ? -1 : (int64_t)at + size;
}

/* A relative path of plain names, or "". */
static bool good_path(const char *path)
{
	size_t len;

	if (!*path)
		return true;
	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if (!len || len > 255 || (len == 1 && path[0] == '.') ||
		    (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (!path[len])
			return true;
	}
}

static const char *check_records(const struct dump_file *file)
{
	uint64_t nodes = 0, messages = 0, at = sizeof(struct dump_header);
	struct dump_record record;
	bool mailbox = false;
	int64_t next;

	for (; at < file->len; at = next) {
		next = dump_next(file, at, &record);
		if (next < 0)
			return "a record is damaged";
		if (record.type == DUMP_TAKING)
			continue;
		if (record.type == DUMP_MESSAGE) {
			if (!mailbox)
				return "a message without a mailbox";
			messages++;
			continue;
		}
		mailbox = record.type == DUMP_MAILBOX;
		if (!good_path(record.path) || (mailbox && !*record.path))
			return "a path leads out of the dump";
		nodes++;
	}
	if (nodes != file->nodes || messages != file->messages)
		return "not as many records as it says";
	return NULL;
}

/*
 * What is wrong with a dump, of which data and len are set; NULL if nothing is,
 * and the others are set too.
 */
const char *dump_check(struct dump_file *file)
{
	struct dump_header header;

	if (file->len < sizeof(header))
		return "too short for a dump";
	memcpy(&header, file->data, sizeof(header));
	if (memcmp(header.magic, DUMP_MAGIC, sizeof(header.magic)))
		return "not a dump of mboxctl";
	if (le32toh(header.order) != DUMP_ORDER)
		return "from a machine with another byte order, or damaged";
	file->version = le32toh(header.version);
	if (file->version < 1 || file->version > DUMP_VERSION)
		return "a version that this mboxctl does not know, or damaged";
	if (!header.length)
		return "not complete; see --seal of mboxctl dump";
	if (le64toh(header.length) != file->len)
		return "not as long as it says: cut off, or damaged";
	if (le64toh(header.sum) != dump_sum(file->data, file->len))
		return "damaged: the checksum is wrong";
	file->nodes = le64toh(header.nodes);
	file->messages = le64toh(header.messages);
	return check_records(file);
}
