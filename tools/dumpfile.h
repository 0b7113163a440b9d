/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of a dump: a header, and then records, each beginning at a multiple
 * of 8 bytes. Numbers are little-endian on every machine; none is an address.
 *
 * A node is a group or a mailbox; groups come before what is in them. The
 * messages behind a mailbox are its own, those of each state in their order. A
 * header whose length is 0 says that the dump is not complete: its records end
 * with the first one that has no type.
 *
 * Version 1 had no owners, and only messages that were readable.
 */
#ifndef _MBOXCTL_DUMPFILE_H
#define _MBOXCTL_DUMPFILE_H

#include "mboxctl.h"

#define DUMP_MAGIC	"MBOXDUMP"
#define DUMP_VERSION	2
#define DUMP_ORDER	0x01020304

#define DUMP_GROUP	1
#define DUMP_MAILBOX	2
#define DUMP_MESSAGE	3
#define DUMP_TAKING	4

/* What a message was; none of these: readable. */
#define DUMP_STATES	(MBOXFS_IS_DELAYED | MBOXFS_IS_LEASED | MBOXFS_IS_DEAD)

/**
 * struct dump_header - the begin of a dump
 * @magic:	DUMP_MAGIC
 * @version:	DUMP_VERSION, or lower
 * @order:	DUMP_ORDER
 * @length:	of the whole file
 * @nodes:	how many groups and mailboxes
 * @messages:	how many
 * @sum:	CRC-64 of the whole file, with 0 in this place
 */
struct dump_header {
	char	magic[8];
	__le32	version;
	__le32	order;
	__le64	length;
	__le64	nodes;
	__le64	messages;
	__le64	sum;
};

/**
 * struct dump_node - a group or a mailbox; its path and settings follow
 * @type:	DUMP_GROUP or DUMP_MAILBOX
 * @mode:	its rights
 * @path_len:	bytes of its path, which is relative; 0: where the dump began
 * @text_len:	bytes of its settings: lines of NAME=VALUE
 * @uid:	its owner; not there in version 1
 * @gid:	its group; likewise
 */
struct dump_node {
	__le32	type;
	__le32	mode;
	__le32	path_len;
	__le32	text_len;
	__le32	uid;
	__le32	gid;
};

#define DUMP_NODE_SIZE_1	16

/**
 * struct dump_message - a message; its bytes follow
 * @type:	DUMP_MESSAGE
 * @zero:	0
 * @data:	0
 *
 * The others as in struct mboxfs_msg, of what LOOK shows: flags is one of
 * DUMP_STATES, or 0; delay_ns what was left of a delay. timeout_ns is what SEND
 * takes with RESTORE: what was left to live; 0: not known; -1: no bound.
 */
struct dump_message {
	__le32	type;
	__le32	zero;
	__le64	data;
	__le32	len;
	__le32	flags;
	__le32	priority;
	__le32	pid;
	__le32	uid;
	__le32	gid;
	__le64	tag;
	__le64	timeout_ns;
	__le64	delay_ns;
	__le64	sent_ns;
	__le64	seq;
	__le32	attempts;
	__le32	reserved[3];
};

/**
 * struct dump_taking - the message that is being taken
 * @type:	DUMP_TAKING
 * @state:	one of DUMP_STATES, or 0
 * @m:		what the kernel tells of it, in this machine's byte order;
 *		without a seq there is none, as in a complete dump
 *
 * The first of the records of a dump that takes messages. The bytes of the
 * message are where they belong, behind all records, and its own is going to be
 * written in front of them.
 */
struct dump_taking {
	__le32			type;
	__le32			state;
	struct mboxfs_msg	m;
};

/**
 * struct dump_file - a dump that is read
 * @data:	all of it, aligned to 8
 * @len:	how long it is
 * @version:	of its format
 * @nodes:	how many it has
 * @messages:	likewise
 */
struct dump_file {
	char		*data;
	size_t		len;
	uint32_t	version;
	uint64_t	nodes;
	uint64_t	messages;
};

/**
 * struct dump_record - a record that has been found whole
 * @type:	what it is
 * @mode:	of a node
 * @uid:	of a node; (uid_t)-1: not known
 * @gid:	likewise
 * @path:	of a node, terminated
 * @text:	of a node, terminated
 * @m:		of a message; in this machine's byte order, without data
 * @body:	of a message
 */
struct dump_record {
	uint32_t		type;
	uint32_t		mode;
	uid_t			uid;
	gid_t			gid;
	char			path[4096];
	char			text[4096];
	struct mboxfs_msg	m;
	const char		*body;
};

/* dumpfile.c: reading */
uint64_t dump_sum(const void *data, size_t len);
int64_t dump_next(const struct dump_file *file, uint64_t at,
		  struct dump_record *record);
const char *dump_check(struct dump_file *file);

/**
 * struct dump_writer - a dump that is written
 * @fd:		the file
 * @name:	what it is called meanwhile
 * @window:	a part of it, mapped
 * @begin:	where that begins
 * @used:	where the records end
 * @reserved:	how long the file is
 * @taking:	of the file, if messages are taken
 * @nodes:	how many are in it
 * @mailboxes:	how many of them are mailboxes
 * @messages:	how many are in it
 */
struct dump_writer {
	int			fd;
	const char		*name;
	char			*window;
	uint64_t		begin;
	uint64_t		used;
	uint64_t		reserved;
	struct dump_taking	*taking;
	uint64_t		nodes;
	uint64_t		mailboxes;
	uint64_t		messages;
};

/* dumpwrite.c */
int dump_begin(struct dump_writer *w, bool take);
void *dump_room(struct dump_writer *w, uint64_t size);
int dump_add_node(struct dump_writer *w, const struct node *node);
void dump_add_message(struct dump_writer *w, const struct mboxfs_msg *m);
int dump_find_end(struct dump_writer *w);
int dump_seal(struct dump_writer *w);
void dump_end(struct dump_writer *w);
void dump_show(const struct dump_writer *w, bool json, const char *file);

/* copy.c */
typedef void (*head_fn)(const struct mboxfs_msg *m, void *arg);
int look_at_heads(int fd, uint32_t what, head_fn seen, void *arg);
int copy_messages(struct dump_writer *w, int fd,
		  const struct mboxfs_stat *stat);

/* dump.c */
int dump_check_tree(const struct options *o, const char *root);
int dump_tree(struct dump_writer *w, const struct options *o, const char *root);

/**
 * struct loading - what is to be loaded
 * @o:		options
 * @file:	the dump, as it is called
 * @fd:		it is open
 * @path:	the group that it goes into
 * @restore:	all or nothing, and into mailboxes in which there is nothing
 */
struct loading {
	const struct options	*o;
	const char		*file;
	int			fd;
	const char		*path;
	bool			restore;
};

/* load.c */
int load_file(const struct loading *what);

/* progress.c */
void catch_signals(void);
bool interrupted(void);
void show_progress(uint64_t messages, uint64_t all, uint64_t bytes);
void hide_progress(void);

#endif /* _MBOXCTL_DUMPFILE_H */
