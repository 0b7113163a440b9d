// SPDX-License-Identifier: GPL-2.0-only
/*
 * create, get, set, stat: limits, policies and counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mboxctl.h"

/* A value of NAME=VALUE that puts the default back. */
#define DEFAULT_WORD	"default"

/**
 * struct assignment - NAME=VALUE
 * @attr:	which
 * @reset:	the default is wanted
 * @value:	else this
 */
struct assignment {
	enum mbox_attr	attr;
	bool		reset;
	uint64_t	value;
};

static int find_attr(const char *name, enum mbox_attr *attr)
{
	int found = mbox_attr_by_name(name);

	if (found < 0)
		return bad_usage("there is no attribute '%s'", name);
	*attr = found;
	return STATUS_OK;
}

static int parse_assignment(const char *text, struct assignment *a)
{
	const char *equals = strchr(text, '=');
	char name[64];
	int ret;

	if (!equals)
		return bad_usage("'%s' is not NAME=VALUE", text);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - text), text);
	if (find_attr(name, &a->attr))
		return STATUS_USAGE;
	if (mbox_attr_flags(a->attr) & MBOX_ATTR_COUNTER)
		return bad_usage("%s is a counter and cannot be set", name);
	a->reset = !strcmp(equals + 1, DEFAULT_WORD);
	if (a->reset)
		return STATUS_OK;
	ret = mbox_attr_parse(a->attr, equals + 1, &a->value);
	if (ret < 0)
		return bad_usage("%s: '%s' is %s", name, equals + 1,
				 ret == -ERANGE ? "out of range" :
				 "no value that it takes");
	return STATUS_OK;
}

/* All of @argv, or NULL: nothing is set if one of them is wrong. */
static struct assignment *parse_assignments(int argc, char **argv)
{
	struct assignment *list;
	int i;

	list = need_memory(calloc(argc + 1, sizeof(*list)));
	for (i = 0; i < argc; i++) {
		if (parse_assignment(argv[i], &list[i])) {
			free(list);
			return NULL;
		}
	}
	return list;
}

/* What the umask leaves of a mode. */
mode_t masked(mode_t mode)
{
	mode_t mask = umask(0);

	umask(mask);
	return mode & ~mask;
}

static mode_t new_mode(const struct options *o)
{
	if (o->mode != (mode_t)-1)
		return o->mode;
	return masked(o->group ? 0777 : 0666);
}

static int make(const struct options *o, const char *path,
		const struct mbox_setting *settings, int count)
{
	int fd;

	if (o->group)
		fd = mbox_create_group(AT_FDCWD, path, O_EXCL, new_mode(o),
				       settings, count, NULL);
	else
		fd = mbox_create(AT_FDCWD, path, O_RDWR | O_EXCL, new_mode(o),
				 settings, count, NULL);
	if (fd < 0)
		return report_new(path, fd);
	close(fd);
	return STATUS_OK;
}

int do_create(const struct options *o, int argc, char **argv)
{
	struct assignment *list = parse_assignments(argc - 1, argv + 1);
	struct mbox_setting *settings;
	int i, count = 0, status = STATUS_OK;

	if (!list)
		return STATUS_USAGE;
	settings = need_memory(calloc(argc, sizeof(*settings)));
	for (i = 0; i < argc - 1 && !status; i++) {
		if (!attr_belongs(list[i].attr, o->group))
			status = bad_usage("a %s has no %s",
					   o->group ? "group" : "mailbox",
					   mbox_attr_name(list[i].attr));
		else if (!list[i].reset)
			settings[count++] = (struct mbox_setting){
				list[i].attr, list[i].value };
	}
	if (!status)
		status = make(o, argv[0], settings, count);
	free(settings);
	free(list);
	return status;
}

/**
 * struct getting - what get shows
 * @o:		options
 * @attrs:	which attributes, or
 * @count:	0 for all
 */
struct getting {
	const struct options	*o;
	enum mbox_attr		*attrs;
	int			count;
};

static void show_value(const struct getting *g, const struct node *node,
		       enum mbox_attr attr, uint64_t value)
{
	char text[MBOX_TEXT_SIZE] = "?", *shown;

	mbox_attr_format(attr, value, text, sizeof(text));
	if (g->o->json) {
		json_attr(attr, value);
		return;
	}
	if (g->o->recursive) {
		shown = printable(node->path);
		printf("%s: ", shown);
		free(shown);
	}
	if (g->o->bare)
		puts(text);
	else
		printf("%s=%s\n", mbox_attr_name(attr), text);
}

/* One attribute; what is not there now matters only to who has asked for it. */
static int get_one(const struct getting *g, const struct node *node,
		   enum mbox_attr attr, bool asked)
{
	uint64_t value;
	int ret;

	if (!attr_belongs(attr, node->group)) {
		if (!asked || g->o->recursive)
			return STATUS_OK;
		complain(node->path, "a %s has no %s",
			 node->group ? "group" : "mailbox",
			 mbox_attr_name(attr));
		return STATUS_ERROR;
	}
	ret = mbox_attr_get(node->fd, attr, &value);
	if (ret == -ENODATA && (!asked || g->o->json || g->o->recursive))
		return STATUS_OK;
	if (ret < 0) {
		complain(node->path, "%s: %s", mbox_attr_name(attr),
			 ret == -ENODATA ? "the mailbox is empty" :
			 strerror(-ret));
		return STATUS_ERROR;
	}
	show_value(g, node, attr, value);
	return STATUS_OK;
}

static int visit_get(const struct node *node, void *arg)
{
	const struct getting *g = arg;
	int i, status = STATUS_OK;

	if (node->fd < 0)
		return report(node->path, -1, node->error, 0);
	if (g->o->json) {
		json_begin();
		json_string("path", node->path);
	}
	for (i = 0; i < g->count; i++)
		status = worse(status, get_one(g, node, g->attrs[i], true));
	for (i = 0; !g->count && mbox_attr_name(i); i++)
		status = worse(status, get_one(g, node, i, false));
	if (g->o->json)
		json_end();
	return status;
}

int do_get(const struct options *o, int argc, char **argv)
{
	struct getting g = { .o = o, .count = argc - 1 };
	int i, status = STATUS_OK;

	g.attrs = need_memory(calloc(argc, sizeof(*g.attrs)));
	for (i = 0; i < g.count && !status; i++)
		status = find_attr(argv[i + 1], &g.attrs[i]);
	if (!status)
		status = walk(argv[0], o->recursive, visit_get, &g);
	free(g.attrs);
	return status;
}

/**
 * struct setting_all - what set -R does
 * @list:	what to set
 * @count:	how many
 * @done:	how many values were set
 */
struct setting_all {
	const struct assignment	*list;
	int			count;
	uint64_t		done;
};

static int set_failed(const char *path, enum mbox_attr attr, int error)
{
	complain(path, "%s: %s", mbox_attr_name(attr),
		 error == -EOPNOTSUPP ? "not of this kind of file" :
		 error == -EPERM ? "only the owner may set it" :
		 error == -ENOTTY ? "not on mboxfs" : strerror(-error));
	return STATUS_ERROR;
}

static int visit_set(const struct node *node, void *arg)
{
	struct setting_all *s = arg;
	const struct assignment *a;
	int ret, status = STATUS_OK;

	if (node->fd < 0)
		return report(node->path, -1, node->error, 0);
	for (a = s->list; a < s->list + s->count; a++) {
		if (!attr_belongs(a->attr, node->group))
			continue;
		ret = a->reset ? mbox_attr_reset(node->fd, a->attr) :
			mbox_attr_set(node->fd, a->attr, a->value);
		if (ret < 0)
			status = set_failed(node->path, a->attr, ret);
		else
			s->done++;
	}
	return status;
}

/* By its path: an owner who may write but not read can set, too. */
static int set_alone(const char *path, const struct assignment *list, int count)
{
	const struct assignment *a;
	int ret;

	for (a = list; a < list + count; a++) {
		ret = a->reset ? mbox_attr_reset_path(path, a->attr) :
			mbox_attr_set_path(path, a->attr, a->value);
		if (ret < 0)
			return set_failed(path, a->attr, ret);
	}
	return STATUS_OK;
}

int do_set(const struct options *o, int argc, char **argv)
{
	struct assignment *list = parse_assignments(argc - 1, argv + 1);
	struct setting_all s = { .list = list, .count = argc - 1 };
	int status;

	if (!list)
		return STATUS_USAGE;
	if (!o->recursive) {
		status = set_alone(argv[0], list, s.count);
	} else {
		status = walk(argv[0], true, visit_set, &s);
		if (!status && !s.done) {
			complain(argv[0], "nothing there has such a setting");
			status = STATUS_ERROR;
		}
	}
	free(list);
	return status;
}

static void show_file(const struct options *o, const struct node *node)
{
	const char *kind = node->group ? "group" : "mailbox";
	char *shown, mode[8];

	snprintf(mode, sizeof(mode), "%04o", node->st.st_mode & 07777);
	if (o->json) {
		json_string("path", node->path);
		json_string("kind", kind);
		json_string("mode", mode);
		json_number("uid", node->st.st_uid);
		json_number("gid", node->st.st_gid);
		json_number("inode", node->st.st_ino);
		json_number("memory", node->st.st_blocks * 512ULL);
		json_number("last_sent", node->st.st_mtime);
		json_number("last_received", node->st.st_atime);
		return;
	}
	shown = printable(node->path);
	printf("%s: %s, mode %s, user %u, group %u, %llu bytes of memory\n",
	       shown, kind, mode, node->st.st_uid, node->st.st_gid, node->st.st_blocks * 512ULL);
	free(shown);
}

static void show_attr(const struct options *o, enum mbox_attr attr,
		      uint64_t value)
{
	char text[MBOX_TEXT_SIZE] = "?";

	if (o->json) {
		json_attr(attr, value);
		return;
	}
	mbox_attr_format(attr, value, text, sizeof(text));
	printf("  %-20s %s\n", mbox_attr_name(attr), text);
}

static int visit_stat(const struct node *node, void *arg)
{
	const struct options *o = arg;
	struct mboxfs_stat stat;
	uint64_t value;
	int i, ret = 0;

	if (!node->group)
		ret = mbox_stat(node->fd, &stat);
	if (ret < 0)
		return report(node->path, node->fd, ret, 0);
	if (o->json)
		json_begin();
	show_file(o, node);
	for (i = 0; mbox_attr_name(i); i++) {
		if (!attr_belongs(i, node->group))
			continue;
		if (!node->group)
			value = stat_value(&stat, i);
		else if (mbox_attr_get(node->fd, i, &value) < 0)
			continue;
		show_attr(o, i, value);
	}
	if (o->json)
		json_end();
	return STATUS_OK;
}

int do_stat(const struct options *o, int argc, char **argv)
{
	int i, status = STATUS_OK;

	for (i = 0; i < argc; i++)
		status = worse(status,
			       walk(argv[i], false, visit_stat, (void *)o));
	return status;
}
