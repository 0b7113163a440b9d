/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What load.c and plan.c share.
 */
#ifndef _MBOXCTL_LOAD_H
#define _MBOXCTL_LOAD_H

#include "dumpfile.h"

#define MAX_SETTINGS	64

/**
 * struct plan - what a node of the dump needs
 * @path:	its path
 * @group:	it is one, or else a mailbox
 * @messages:	how many it has
 * @delayed:	how many of them are delayed
 * @bytes:	of all of them
 * @longest:	of them
 * @there:	it is there already
 * @made:	it has been made, and is to be finished
 * @begun:	messages have been sent to what was there
 */
struct plan {
	char		*path;
	bool		group;
	uint64_t	messages;
	uint64_t	delayed;
	uint64_t	bytes;
	uint64_t	longest;
	bool		there;
	bool		made;
	bool		begun;
};

/**
 * struct load - a load
 * @o:		options
 * @name:	of the dump
 * @file:	the dump
 * @path:	the group that it goes into
 * @restore:	all or nothing, into what is empty
 * @root:	the group is open
 * @plans:	for each node, from 1
 * @fd:		the mailbox that messages go to
 * @done:	messages that have been sent, or skipped
 * @bytes:	of them
 * @mailboxes:	that have been seen
 */
struct load {
	const struct options	*o;
	const char		*name;
	struct dump_file	file;
	const char		*path;
	bool			restore;
	int			root;
	struct plan		*plans;
	int			fd;
	uint64_t		done;
	uint64_t		bytes;
	uint64_t		mailboxes;
};

typedef int (*visit_record_fn)(struct load *l, size_t index,
			       const struct dump_record *record);

/* plan.c */
int load_failed(const struct load *l, const char *path, int error);
int load_refused(const struct load *l, const char *path, const char *why);
int parse_settings(const char *text, struct mbox_setting *list,
		   bool (*wanted)(enum mbox_attr));
bool is_late(enum mbox_attr attr);
bool is_early(enum mbox_attr attr);
uint64_t once_of(const struct dump_record *r);
uint64_t value_of(int fd, enum mbox_attr attr);
bool next_record(const struct load *l, uint64_t *at,
		 struct dump_record *record);
int all_records(struct load *l, visit_record_fn visit);
int open_above(const struct load *l, const char *path, const char **name);
int open_node(const struct load *l, const struct dump_record *r, int flags);
int check_all(struct load *l);

#endif /* _MBOXCTL_LOAD_H */
