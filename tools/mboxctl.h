/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of mboxctl share.
 */
#ifndef _MBOXCTL_H
#define _MBOXCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <libmboxfs.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NSEC_PER_SEC	1000000000LL

/* Exit statuses. */
#define STATUS_OK	0
#define STATUS_ERROR	1
#define STATUS_USAGE	2
#define STATUS_AGAIN	75	/* would block, or timed out: EX_TEMPFAIL */

enum sort_key { SORT_RATE, SORT_DEPTH };

/* What a dump does with messages that are delayed. */
enum delayed { DELAYED_REFUSE, DELAYED_LEAVE, DELAYED_PUBLISH };

/**
 * struct options - what a verb's options have said; each verb takes some
 * @timeout_ns:	below 0: for ever
 * @delay_ns:	below 0: not given
 * @from:	0: not given
 * @mode:	(mode_t)-1: not given
 * @size:	UINT64_MAX: not given
 * @count:	0: not given
 * @jobs:	how many at a time
 * @attempts:	0: not given
 * @retry_ns:	after the first attempt
 * @kill_ns:	below 0: not given
 * @what:	as for mbox_look_init()
 */
struct options {
	bool		json;
	bool		lines;
	bool		sync;
	bool		nonblock;
	bool		all;
	bool		follow;
	bool		create;
	bool		group;
	bool		recursive;
	bool		bare;
	bool		take;
	bool		seal;
	bool		readable;
	bool		writable;
	bool		tagged;
	bool		seq;
	bool		once;
	bool		dead;
	bool		by_tag;
	bool		wide;
	uint64_t	tag;
	uint32_t	priority;
	pid_t		from;
	mode_t		mode;
	int64_t		timeout_ns;
	int64_t		delay_ns;
	int64_t		interval_ns;
	uint64_t	count;
	uint64_t	size;
	uint64_t	skip;
	uint64_t	jobs;
	uint64_t	attempts;
	int64_t		retry_ns;
	int64_t		kill_ns;
	uint32_t	what;
	enum sort_key	sort;
	enum delayed	delayed;
};

/**
 * struct verb - something that mboxctl does
 * @name:	what it is called
 * @args:	its arguments, for the help
 * @brief:	one line
 * @text:	more lines, or NULL
 * @example:	one or more lines
 * @options:	letters of the table in options.c
 * @min:	how many arguments at least
 * @max:	and at most
 * @command:	the second argument is a command; what follows it is not ours
 * @run:	does it, and returns the exit status; @argv has no options
 */
struct verb {
	const char	*name;
	const char	*args;
	const char	*brief;
	const char	*text;
	const char	*example;
	const char	*options;
	int		min;
	int		max;
	bool		command;
	int		(*run)(const struct options *o, int argc, char **argv);
};

/* options.c */
int parse_options(const struct verb *verb, struct options *o, int argc,
		  char **argv);
void print_options(const struct verb *verb);
int parse_number(const char *text, uint64_t most, uint64_t *value);
int parse_time(const char *text, int64_t *ns);

/* report.c */
void set_verb(const char *name);
void __attribute__((format(printf, 2, 3)))
complain(const char *subject, const char *format, ...);
int __attribute__((format(printf, 1, 2))) bad_usage(const char *format, ...);
int report(const char *path, int fd, int error, size_t len);
int report_new(const char *path, int error);
int worse(int a, int b);
char *printable(const char *text);
size_t cut_text(const char *text, size_t columns);
const char *text_end(const char *text, size_t columns);
const char *short_number(uint64_t n, unsigned int base, char text[24]);
int64_t now_ns(void);
void *need_memory(void *p);

/* json.c */
bool is_utf8(const void *data, size_t len);
void json_begin(void);
void json_end(void);
void json_bytes(const char *key, const void *data, size_t len);
void json_string(const char *key, const char *text);
void json_number(const char *key, uint64_t value);
void json_seconds(const char *key, int64_t ns);
void json_bool(const char *key, bool value);
void json_null(const char *key);
void json_attr(enum mbox_attr attr, uint64_t value);

/* tree.c */

/**
 * struct node - a mailbox or a group that a walk has found
 * @path:	its path, beginning with that of the walk
 * @below:	the same without that of the walk; "" for where it began
 * @name:	its last part
 * @fd:		open for reading, or below 0
 * @error:	negative error number, why it is not open
 * @depth:	how many groups above it the walk has come through
 * @group:	a group, or else a mailbox
 * @st:		of stat(2)
 */
struct node {
	const char	*path;
	const char	*below;
	const char	*name;
	int		fd;
	int		error;
	int		depth;
	bool		group;
	struct stat	st;
};

typedef int (*visit_fn)(const struct node *node, void *arg);

int walk(const char *path, bool recurse, visit_fn visit, void *arg);
uint64_t held_messages(const struct mboxfs_stat *stat);
uint64_t held_bytes(const struct mboxfs_stat *stat);
uint64_t stat_value(const struct mboxfs_stat *stat, enum mbox_attr attr);
bool attr_belongs(enum mbox_attr attr, bool group);

/* attr.c */
mode_t masked(mode_t mode);

/* control.c */
void show_count(const struct options *o, const char *path, const char *what,
		int n);

/* message.c */
char *message_room(void);

/* Verbs. */
int do_create(const struct options *o, int argc, char **argv);
int do_get(const struct options *o, int argc, char **argv);
int do_set(const struct options *o, int argc, char **argv);
int do_stat(const struct options *o, int argc, char **argv);
int do_ls(const struct options *o, int argc, char **argv);
int do_send(const struct options *o, int argc, char **argv);
int do_broadcast(const struct options *o, int argc, char **argv);
int do_recv(const struct options *o, int argc, char **argv);
int do_peek(const struct options *o, int argc, char **argv);
int do_stop(const struct options *o, int argc, char **argv);
int do_start(const struct options *o, int argc, char **argv);
int do_purge(const struct options *o, int argc, char **argv);
int do_flush(const struct options *o, int argc, char **argv);
int do_kick(const struct options *o, int argc, char **argv);
int do_revoke(const struct options *o, int argc, char **argv);
int do_sleep(const struct options *o, int argc, char **argv);
int do_awake(const struct options *o, int argc, char **argv);
int do_barrier(const struct options *o, int argc, char **argv);
int do_wait(const struct options *o, int argc, char **argv);
int do_work(const struct options *o, int argc, char **argv);
int do_look(const struct options *o, int argc, char **argv);
int do_cancel(const struct options *o, int argc, char **argv);
int do_bury(const struct options *o, int argc, char **argv);
int do_watch(const struct options *o, int argc, char **argv);
int do_dump(const struct options *o, int argc, char **argv);
int do_load(const struct options *o, int argc, char **argv);
int do_save(const struct options *o, int argc, char **argv);
int do_restore(const struct options *o, int argc, char **argv);
int do_bench(const struct options *o, int argc, char **argv);

#endif /* _MBOXCTL_H */
