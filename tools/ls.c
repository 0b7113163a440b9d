// SPDX-License-Identifier: GPL-2.0-only
/*
 * ls: a tree of groups and mailboxes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mboxctl.h"

/**
 * struct row - a line of the list
 * @known:	whether it could be looked at
 * @stat:	of a mailbox
 * @used:	bytes of a group
 * @most:	its ceiling
 * @mailboxes:	how many are in a group and below
 */
struct row {
	bool			known;
	struct mboxfs_stat	stat;
	uint64_t		used;
	uint64_t		most;
	uint64_t		mailboxes;
};

/* "12/100", or "12" without a bound. */
static const char *of(uint64_t n, uint64_t most, unsigned int base,
		      char text[56])
{
	char a[24], b[24];

	short_number(n, base, a);
	if (most)
		snprintf(text, 56, "%s/%s", a, short_number(most, base, b));
	else
		snprintf(text, 56, "%s", a);
	return text;
}

static void read_row(const struct node *node, struct row *row)
{
	if (node->fd < 0)
		return;
	if (!node->group) {
		row->known = mbox_stat(node->fd, &row->stat) == 0;
		return;
	}
	row->known =
		!mbox_attr_get(node->fd, MBOX_GROUP_BYTES, &row->used) &&
		!mbox_attr_get(node->fd, MBOX_GROUP_MAX_BYTES, &row->most) &&
		!mbox_attr_get(node->fd, MBOX_GROUP_MAILBOXES, &row->mailboxes);
}

static void show_row(const struct node *node, const struct row *row)
{
	const struct mboxfs_stat *s = &row->stat;
	char messages[56], bytes[56], delayed[24], *name;

	name = printable(node->depth ? node->name : node->path);
	if (!row->known)
		printf("%11s %12s %7s %4s %4s", "?", "?", "?", "?", "?");
	else if (node->group)
		printf("%11s %12s %7s %4s %4s", "-",
		       of(row->used, row->most, 1024, bytes), "-", "-", "-");
	else
		printf("%11s %12s %7s %4llu %4llu",
		       of(s->messages, s->max_messages, 1000, messages),
		       of(held_bytes(s), s->max_bytes, 1024, bytes),
		       short_number(s->delayed_messages, 1000, delayed),
		       (unsigned long long)s->readers_waiting,
		       (unsigned long long)s->writers_waiting);
	printf("  %*s%s%s%s\n", 2 * node->depth, "", name,
	       node->group && name[strlen(name) - 1] != '/' ? "/" : "",
	       !node->group && s->stopped ? " (stopped)" : "");
	free(name);
}

static void show_json(const struct node *node, const struct row *row)
{
	int i;

	json_begin();
	json_string("path", node->path);
	json_string("kind", node->group ? "group" : "mailbox");
	if (row->known && node->group) {
		json_attr(MBOX_GROUP_BYTES, row->used);
		json_attr(MBOX_GROUP_MAX_BYTES, row->most);
		json_attr(MBOX_GROUP_MAILBOXES, row->mailboxes);
	} else if (row->known) {
		for (i = 0; mbox_attr_name(i); i++)
			if (attr_belongs(i, false))
				json_attr(i, stat_value(&row->stat, i));
	} else {
		json_null("messages");
	}
	json_end();
}

static int visit_ls(const struct node *node, void *arg)
{
	const struct options *o = arg;
	struct row row = { 0 };

	read_row(node, &row);
	if (o->json)
		show_json(node, &row);
	else
		show_row(node, &row);
	return STATUS_OK;
}

int do_ls(const struct options *o, int argc, char **argv)
{
	int i, status = STATUS_OK;

	if (!o->json)
		printf("%11s %12s %7s %4s %4s  %s\n", "MESSAGES", "BYTES",
		       "DELAYED", "RD", "WR", "NAME");
	if (!argc)
		return walk(".", true, visit_ls, (void *)o);
	for (i = 0; i < argc; i++)
		status = worse(status,
			       walk(argv[i], true, visit_ls, (void *)o));
	return status;
}
