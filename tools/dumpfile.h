/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of a dump: a header, and then records, each beginning at a multiple
 * of 8 bytes. Numbers are in this machine's byte order.
 *
 * A node is a group or a mailbox; groups come before what is in them. The
 * messages behind a mailbox are its own, in the order in which they were
 * received. A header whose length is 0 says that the dump is not complete: its
 * records end with the first one that has no type or, of a message, no seq.
 */
#ifndef _MBOXCTL_DUMPFILE_H
#define _MBOXCTL_DUMPFILE_H

#include "mboxctl.h"

#define DUMP_MAGIC	"MBOXDUMP"
#define DUMP_VERSION	1
#define DUMP_ORDER	0x01020304

#define DUMP_GROUP	1
#define DUMP_MAILBOX	2
#define DUMP_MESSAGE	3

/**
 * struct dump_header - the begin of a dump
 * @magic:	DUMP_MAGIC
 * @version:	DUMP_VERSION
 * @order:	DUMP_ORDER, on a machine with the same byte order
 * @length:	of the whole file
 * @nodes:	how many groups and mailboxes
 * @messages:	how many
 * @sum:	CRC-64 of the whole file, with 0 in this place
 */
struct dump_header {
	char		magic[8];
	uint32_t	version;
	uint32_t	order;
	uint64_t	length;
	uint64_t	nodes;
	uint64_t	messages;
	uint64_t	sum;
};

/**
 * struct dump_node - a group or a mailbox; its path and settings follow
 * @type:	DUMP_GROUP or DUMP_MAILBOX
 * @mode:	its rights
 * @path_len:	bytes of its path, which is relative; 0: where the dump began
 * @text_len:	bytes of its settings: lines of NAME=VALUE
 */
struct dump_node {
	uint32_t	type;
	uint32_t	mode;
	uint32_t	path_len;
	uint32_t	text_len;
};

/**
 * struct dump_message - a message; its bytes follow
 * @type:	DUMP_MESSAGE
 * @zero:	0
 * @m:		as it was received
 */
struct dump_message {
	uint32_t		type;
	uint32_t		zero;
	struct mboxfs_msg	m;
};

/**
 * struct dump_record - a record that has been found whole
 * @type:	what it is
 * @mode:	of a node
 * @path:	of a node, terminated
 * @text:	of a node, terminated
 * @m:		of a message
 * @body:	of a message
 */
struct dump_record {
	uint32_t			type;
	uint32_t			mode;
	char				path[4096];
	char				text[4096];
	const struct mboxfs_msg		*m;
	const char			*body;
};

uint64_t dump_sum(const void *data, size_t len);
int64_t dump_next(const char *data, size_t len, uint64_t at,
		  struct dump_record *record);
const char *dump_check(const char *data, size_t len);

#endif /* _MBOXCTL_DUMPFILE_H */
