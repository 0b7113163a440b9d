// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading the file of a dump. Each of its bytes may be wrong, by accident or
 * on purpose.
 */
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

static int64_t next_node(const char *data, size_t left,
			 struct dump_record *record)
{
	struct dump_node node;
	size_t size;

	if (left < sizeof(node))
		return -1;
	memcpy(&node, data, sizeof(node));
	if (node.path_len >= sizeof(record->path) ||
	    node.text_len >= sizeof(record->text) || node.mode > 07777)
		return -1;
	size = sizeof(node) + node.path_len + node.text_len;
	if (left < size)
		return -1;
	data += sizeof(node);
	record->mode = node.mode;
	memcpy(record->path, data, node.path_len);
	record->path[node.path_len] = '\0';
	memcpy(record->text, data + node.path_len, node.text_len);
	record->text[node.text_len] = '\0';
	if (strlen(record->path) != node.path_len ||
	    strlen(record->text) != node.text_len)
		return -1;
	return size;
}

static int64_t next_message(const char *data, size_t left,
			    struct dump_record *record)
{
	const struct dump_message *message = (const void *)data;

	if (left < sizeof(*message) || !message->m.seq ||
	    message->m.len > MBOXFS_MESSAGE_MAX ||
	    left - sizeof(*message) < message->m.len ||
	    message->m.priority > MBOXFS_PRIORITY_MAX)
		return -1;
	record->m = &message->m;
	record->body = data + sizeof(*message);
	return sizeof(*message) + message->m.len;
}

/*
 * The record at @at of a dump whose bytes are at @data, aligned to 8. Returns
 * where the next one begins, or -1 if there is no whole one.
 */
int64_t dump_next(const char *data, size_t len, uint64_t at,
		  struct dump_record *record)
{
	int64_t size = -1;

	if (at > len || len - at < sizeof(record->type))
		return -1;
	memcpy(&record->type, data + at, sizeof(record->type));
	if (record->type == DUMP_MESSAGE)
		size = next_message(data + at, len - at, record);
	else if (record->type == DUMP_GROUP || record->type == DUMP_MAILBOX)
		size = next_node(data + at, len - at, record);
	if (size < 0)
		return -1;
	size = (size + 7) & ~7LL;
	return (uint64_t)size > len - at ? -1 : (int64_t)at + size;
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

static const char *check_records(const char *data, size_t len,
				 const struct dump_header *header)
{
	uint64_t nodes = 0, messages = 0, at = sizeof(*header);
	struct dump_record record;
	bool mailbox = false;
	int64_t next;

	for (; at < len; at = next) {
		next = dump_next(data, len, at, &record);
		if (next < 0)
			return "a record is damaged";
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
	if (nodes != header->nodes || messages != header->messages)
		return "not as many records as it says";
	return NULL;
}

/* What is wrong with a dump; NULL if nothing is. */
const char *dump_check(const char *data, size_t len)
{
	struct dump_header header;

	if (len < sizeof(header))
		return "too short for a dump";
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.magic, DUMP_MAGIC, sizeof(header.magic)))
		return "not a dump of mboxctl";
	if (header.order != DUMP_ORDER)
		return "from a machine with another byte order, or damaged";
	if (header.version != DUMP_VERSION)
		return "a version that this mboxctl does not know, or damaged";
	if (!header.length)
		return "not complete; see --seal of mboxctl dump";
	if (header.length != len)
		return "not as long as it says: cut off, or damaged";
	if (header.sum != dump_sum(data, len))
		return "damaged: the checksum is wrong";
	return check_records(data, len, &header);
}
