// SPDX-License-Identifier: GPL-2.0-only
/*
 * stop, start, purge, kick, flush, revoke; sleep, awake, barrier; wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "mboxctl.h"

/* Open a mailbox so, or a group. */
static int open_either(const char *path, int flags)
{
	int fd = mbox_open(AT_FDCWD, path, flags);

	/* A group cannot be opened for writing, and is no mailbox. */
	return fd == -EISDIR ? mbox_open_group(AT_FDCWD, path) : fd;
}

/* Print a number that a call has returned. */
void show_count(const struct options *o, const char *path, const char *what,
		int n)
{
	if (!o->json) {
		printf("%d\n", n);
		return;
	}
	json_begin();
	json_string("path", path);
	json_number(what, n);
	json_end();
}

/**
 * struct control - a call for a mailbox or a group
 * @flags:	how it has to be open
 * @call:	the call
 * @counts:	what it counts, or NULL
 */
struct control {
	int		flags;
	int		(*call)(int fd);
	const char	*counts;
};

static int control_one(const struct control *c, const struct options *o,
		       const char *path)
{
	int fd = open_either(path, c->flags), ret;

	/* An owner may have no right to read. */
	if (fd == -EACCES && c->flags == O_RDONLY)
		fd = open_either(path, O_WRONLY);
	if (fd < 0)
		return report(path, -1, fd, 0);
	ret = c->call(fd);
	if (ret < 0)
		report(path, fd, ret, 0);
	else if (c->counts)
		show_count(o, path, c->counts, ret);
	close(fd);
	return ret < 0 ? STATUS_ERROR : STATUS_OK;
}

static int control_all(const struct control *c, const struct options *o,
		       int argc, char **argv)
{
	int i, status = STATUS_OK;

	for (i = 0; i < argc; i++)
		status = worse(status, control_one(c, o, argv[i]));
	return status;
}

int do_stop(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_RDONLY, mbox_stop, NULL };

	return control_all(&c, o, argc, argv);
}

int do_start(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_RDONLY, mbox_start, NULL };

	return control_all(&c, o, argc, argv);
}

int do_purge(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_RDONLY, mbox_purge, "messages" };

	return control_all(&c, o, argc, argv);
}

int do_kick(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_RDONLY, mbox_kick, "messages" };

	return control_all(&c, o, argc, argv);
}

int do_flush(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_RDONLY, mbox_flush, NULL };

	return control_all(&c, o, argc, argv);
}

int do_revoke(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_WRONLY, mbox_revoke, "messages" };

	return control_all(&c, o, argc, argv);
}

int do_awake(const struct options *o, int argc, char **argv)
{
	static const struct control c = { O_WRONLY, mbox_barrier_awake,
					  "awoken" };

	return control_all(&c, o, argc, argv);
}

/* Barriers do not know the reasons that mailboxes have. */
static int barrier_failed(const char *path, int fd, int error, uint32_t parties)
{
	if (error == -EAGAIN || error == -ETIMEDOUT) {
		complain(path, "%s", error == -EAGAIN ? "would have to wait" :
			 "timed out");
		return STATUS_AGAIN;
	}
	if (error == -EINVAL) {
		complain(path, "those who wait there are not %u parties",
			 parties);
		return STATUS_ERROR;
	}
	return report(path, fd, error, 0);
}

static int64_t timeout_of(const struct options *o)
{
	return o->nonblock ? 0 : o->timeout_ns;
}

int do_sleep(const struct options *o, int argc, char **argv)
{
	int fd = open_either(argv[0], O_RDONLY), ret;

	if (fd < 0)
		return report(argv[0], -1, fd, 0);
	ret = mbox_barrier_sleep(fd, timeout_of(o));
	if (ret < 0)
		ret = barrier_failed(argv[0], fd, ret, 0);
	close(fd);
	return ret;
}

int do_barrier(const struct options *o, int argc, char **argv)
{
	uint64_t parties;
	int fd, ret;

	if (parse_number(argv[1], UINT32_MAX, &parties) || !parties)
		return bad_usage("'%s' is no number of parties", argv[1]);
	fd = open_either(argv[0], O_RDONLY);
	if (fd < 0)
		return report(argv[0], -1, fd, 0);
	ret = mbox_barrier_wait(fd, parties, timeout_of(o));
	if (ret < 0) {
		ret = barrier_failed(argv[0], fd, ret, parties);
		close(fd);
		return ret;
	}
	close(fd);
	if (o->json) {
		json_begin();
		json_string("path", argv[0]);
		json_bool("last", ret);
		json_end();
	} else if (ret) {
		puts("last");
	}
	return STATUS_OK;
}

int do_wait(const struct options *o, int argc, char **argv)
{
	int fd, ret;

	if (o->readable && o->writable)
		return bad_usage("either --readable or --writable");
	fd = mbox_open(AT_FDCWD, argv[0], o->writable ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		return report(argv[0], -1, fd, 0);
	ret = o->writable ? mbox_wait_writable(fd, timeout_of(o)) :
		mbox_wait_readable(fd, timeout_of(o));
	if (!ret) {
		complain(argv[0], "timed out; %s", o->writable ?
			 "no room for a message of the largest size" :
			 "nothing to receive");
		ret = STATUS_AGAIN;
	} else {
		ret = ret < 0 ? report(argv[0], fd, ret, 0) : STATUS_OK;
	}
	close(fd);
	return ret;
}
