// SPDX-License-Identifier: GPL-2.0-only
/*
 * save, restore: all messages of a mount, over a reboot.
 *
 * A folder has one file. A new one gets its name when it is complete and on the
 * disk; until then the older one is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "dumpfile.h"

#define SAVE_NAME	"mboxfs.dump"
#define SAVE_PARTIAL	SAVE_NAME ".partial"
#define SAVE_RESTORED	SAVE_NAME ".restored"

/**
 * struct saving - what is saved or restored
 * @o:		options
 * @mount:	where it is mounted
 * @dir:	the folder
 * @path:	of the file in it
 * @fd:		the folder is open, and this mboxctl's alone
 */
struct saving {
	const struct options	*o;
	char			*mount;
	const char		*dir;
	char			*path;
	int			fd;
};

/* A path of /proc/self/mountinfo, in which some bytes are octal numbers. */
static void unescape(char *text)
{
	char *to = text;
	unsigned int c;

	for (; *text; text++) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &c) == 1) {
			*to++ = c;
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* Where a line of it says that an mboxfs is mounted, or NULL. */
static char *mount_point(char *line)
{
	char *type = strstr(line, " - "), *path = NULL;
	int i;

	if (!type || strncmp(type, " - mboxfs ", 10))
		return NULL;
	for (i = 0; i < 5; i++)
		path = strsep(&line, " ");
	if (path)
		unescape(path);
	return path;
}

/* How good a mount is if none has been named; 0: it is not. */
static int rank(const char *path)
{
	if (!strcmp(path, "/mnt/mbox"))
		return 3;
	return !strcmp(path, "/dev/mbox") ? 2 : 1;
}

/* The mount that is meant if none is named; NULL, and it has been said why. */
static char *find_mount(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *path, *best = NULL;
	unsigned int others = 0;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		path = mount_point(line);
		if (!path || (best && !strcmp(path, best)))
			continue;
		others += rank(path) == 1;
		if (best && rank(best) >= rank(path))
			continue;
		free(best);
		best = need_memory(strdup(path));
	}
	free(line);
	if (f)
		fclose(f);
	if (!best)
		complain(NULL, "no mboxfs is mounted");
	if (!best || rank(best) > 1 || others == 1)
		return best;
	complain(NULL, "mboxfs is mounted in %u places; say which", others);
	free(best);
	return NULL;
}

static int failed(const struct saving *s, const char *what)
{
	complain(s->path, "%s: %s", what, strerror(errno));
	return STATUS_ERROR;
}

static int open_folder(struct saving *s, const char *mount, const char *dir)
{
	s->dir = dir;
	if (asprintf(&s->path, "%s/" SAVE_NAME, dir) < 0)
		s->path = need_memory(NULL);
	s->mount = mount ? need_memory(strdup(mount)) : find_mount();
	if (!s->mount)
		return STATUS_ERROR;
	s->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd < 0) {
		complain(dir, "%s", strerror(errno));
		return STATUS_ERROR;
	}
	if (flock(s->fd, LOCK_EX | LOCK_NB) == 0)
		return STATUS_OK;
	complain(dir, "%s", errno == EWOULDBLOCK ?
		 "another mboxctl saves to it, or restores from it" :
		 strerror(errno));
	return STATUS_ERROR;
}

static void close_folder(struct saving *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->mount);
	free(s->path);
}

static int write_all(const struct saving *s, struct dump_writer *w)
{
	int status = dump_begin(w, false);

	if (!status)
		status = dump_tree(w, s->o, s->mount);
	if (interrupted()) {
		complain(s->path, "interrupted; nothing has been saved");
		return STATUS_ERROR;
	}
	if (!status)
		status = dump_seal(w);
	if (!status && (renameat(s->fd, SAVE_PARTIAL, s->fd, SAVE_NAME) < 0 ||
			fsync(s->fd) < 0))
		status = failed(s, "cannot give it its name");
	return status;
}

/* What another one has left that was killed is of no use: it took nothing. */
static int save(const struct saving *s)
{
	struct dump_writer w = { .name = s->path };
	int status;

	unlinkat(s->fd, SAVE_PARTIAL, 0);
	w.fd = openat(s->fd, SAVE_PARTIAL,
		      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w.fd < 0)
		return failed(s, "cannot make it");
	status = write_all(s, &w);
	if (status)
		unlinkat(s->fd, SAVE_PARTIAL, 0);
	else
		dump_show(&w, s->o->json, s->path);
	dump_end(&w);
	return status;
}

int do_save(const struct options *o, int argc, char **argv)
{
	struct saving s = { .o = o, .fd = -1 };
	const char *dir = argv[argc - 1];
	int status;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		complain(dir, "cannot make it: %s", strerror(errno));
		return STATUS_ERROR;
	}
	status = open_folder(&s, argc > 1 ? argv[0] : NULL, dir);
	if (!status)
		status = dump_check_tree(o, s.mount);
	if (!status) {
		catch_signals();
		status = save(&s);
	}
	close_folder(&s);
	return status;
}

/* From now on they are received, and must not come again with the next boot. */
static int set_aside(const struct saving *s)
{
	if (renameat(s->fd, SAVE_NAME, s->fd, SAVE_RESTORED) < 0 ||
	    fsync(s->fd) < 0)
		return failed(s, "cannot rename it");
	return STATUS_OK;
}

static int restore(const struct saving *s)
{
	struct loading what = {
		.o = s->o,
		.file = s->path,
		.path = s->mount,
		.restore = true,
	};
	int status;

	what.fd = openat(s->fd, SAVE_NAME, O_RDONLY | O_CLOEXEC);
	if (what.fd < 0 && errno == ENOENT && s->o->once)
		return STATUS_OK;
	if (what.fd < 0) {
		complain(s->path, "%s", strerror(errno));
		return STATUS_ERROR;
	}
	status = load_file(&what);
	close(what.fd);
	return status || !s->o->once ? status : set_aside(s);
}

int do_restore(const struct options *o, int argc, char **argv)
{
	struct saving s = { .o = o, .fd = -1 };
	int status = open_folder(&s, argc > 1 ? argv[1] : NULL, argv[0]);

	if (!status)
		status = restore(&s);
	close_folder(&s);
	return status;
}
