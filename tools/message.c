// SPDX-License-Identifier: GPL-2.0-only
/*
 * send, broadcast, recv, peek: messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mboxctl.h"

/**
 * struct sending - where messages go, and how
 * @path:	of the mailbox or group
 * @fd:		it is open
 * @m:		how
 * @broadcast:	to all of a group
 * @seq:	print the message's number
 * @json:	print JSON
 */
struct sending {
	const char		*path;
	int			fd;
	struct mboxfs_msg	m;
	bool			broadcast;
	bool			seq;
	bool			json;
};

/* The library does not tell the number. */
static int send_numbered(const struct sending *s, const void *data, size_t len)
{
	struct mboxfs_msg m = s->m;

	mbox_msg_data(&m, data, len);
	m.flags |= MBOXFS_SEQ;
	if (ioctl(s->fd, MBOXFS_IOC_SEND, &m) < 0)
		return -errno;
	printf("%llu\n", (unsigned long long)m.seq);
	return 0;
}

/* It has been sent before, or one after it. */
static int sent_already(const struct sending *s)
{
	struct mboxfs_stat stat = { .once_tag = s->m.tag };

	mbox_stat(s->fd, &stat);
	complain(s->path, "not sent again: tag %llu is not above once_tag, which is %llu",
		 (unsigned long long)s->m.tag, (unsigned long long)stat.once_tag);
	return STATUS_ERROR;
}

static int send_one(const struct sending *s, const void *data, size_t len)
{
	int ret;

	if (s->broadcast)
		ret = mbox_broadcast(s->fd, data, len, &s->m);
	else if (s->seq)
		ret = send_numbered(s, data, len);
	else
		ret = mbox_send_msg(s->fd, data, len, &s->m);
	if (ret == -EEXIST && s->m.flags & MBOXFS_ONCE)
		return sent_already(s);
	if (ret < 0)
		return report(s->path, s->fd, ret, len);
	if (!s->broadcast)
		return STATUS_OK;
	if (s->json) {
		json_begin();
		json_string("path", s->path);
		json_number("mailboxes", ret);
		json_end();
	} else {
		printf("%d\n", ret);
	}
	return STATUS_OK;
}

static int input_failed(void)
{
	complain("standard input", "%s", strerror(errno));
	return STATUS_ERROR;
}

/* All of the input is one message. */
static int send_input(const struct sending *s)
{
	size_t len = 0, room = 0;
	char *data = NULL;
	ssize_t got;
	int status;

	do {
		if (len == room) {
			room = room ? 2 * room : 65536;
			data = need_memory(realloc(data, room));
		}
		got = read(STDIN_FILENO, data + len, room - len);
		len += got > 0 ? got : 0;
	} while (got > 0 && len <= MBOXFS_MESSAGE_MAX);
	if (got < 0) {
		status = input_failed();
	} else if (len > MBOXFS_MESSAGE_MAX) {
		complain(s->path, "no message can be longer than %d bytes",
			 MBOXFS_MESSAGE_MAX);
		status = STATUS_ERROR;
	} else {
		status = send_one(s, data, len);
	}
	free(data);
	return status;
}

/* Each line of the input is one, without its newline. */
static int send_lines(const struct sending *s)
{
	int status = STATUS_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while (!status && (len = getline(&line, &room, stdin)) >= 0) {
		if (len && line[len - 1] == '\n')
			len--;
		status = send_one(s, line, len);
	}
	if (!status && ferror(stdin))
		status = input_failed();
	free(line);
	return status;
}

static void prepare(struct mboxfs_msg *m, const struct options *o)
{
	mbox_msg_init(m);
	m->priority = o->priority;
	m->tag = o->tag;
	m->timeout_ns = o->timeout_ns;
	m->pid = o->from;
	m->flags = (o->nonblock ? MBOXFS_NONBLOCK : 0) |
		(o->sync ? MBOXFS_SYNC : 0) | (o->from ? MBOXFS_FROM : 0) |
		(o->tagged ? MBOXFS_TAGGED : 0) |
		(o->once ? MBOXFS_ONCE : 0) | (o->dead ? MBOXFS_DEAD : 0);
	if (o->delay_ns >= 0) {
		m->flags |= MBOXFS_DELAY;
		m->delay_ns = o->delay_ns;
	}
}

static int send_all(struct sending *s, const struct options *o, int argc,
		    char **argv)
{
	int i, status = STATUS_OK;

	if (s->fd == -EISDIR) {
		complain(s->path, "is a group; broadcast sends to all in it");
		return STATUS_ERROR;
	}
	if (s->fd < 0)
		return o->create ? report_new(s->path, s->fd) :
			report(s->path, -1, s->fd, 0);
	prepare(&s->m, o);
	if (argc == 1)
		status = o->lines ? send_lines(s) : send_input(s);
	for (i = 1; i < argc && !status; i++)
		status = send_one(s, argv[i], strlen(argv[i]));
	close(s->fd);
	return status;
}

int do_send(const struct options *o, int argc, char **argv)
{
	struct sending s = { .path = argv[0], .seq = o->seq };

	if (o->lines && argc > 1)
		return bad_usage("--lines is for the input, and there is TEXT");
	if (o->sync && o->delay_ns >= 0)
		return bad_usage("--sync and --delay do not go together");
	if (o->once && !o->tag)
		return bad_usage("--once needs a --tag, above 0");
	if (o->once && (o->lines || argc > 2))
		return bad_usage("--once is for one message");
	if (o->create)
		s.fd = mbox_create(AT_FDCWD, s.path, O_WRONLY, masked(0666),
				   NULL, 0, NULL);
	else
		s.fd = mbox_open(AT_FDCWD, s.path, O_WRONLY);
	return send_all(&s, o, argc, argv);
}

int do_broadcast(const struct options *o, int argc, char **argv)
{
	struct sending s = {
		.path = argv[0],
		.broadcast = true,
		.json = o->json,
	};

	if (o->lines && argc > 1)
		return bad_usage("--lines is for the input, and there is TEXT");
	s.fd = mbox_open_group(AT_FDCWD, s.path);
	return send_all(&s, o, argc, argv);
}

static void show_json(const char *path, const char *data, size_t len,
		      const struct mboxfs_msg *m)
{
	json_begin();
	json_string("path", path);
	json_bytes("message", data, len);
	json_number("length", m->len);
	json_number("priority", m->priority);
	json_number("tag", m->tag);
	json_number("pid", m->pid);
	json_number("uid", m->uid);
	json_number("gid", m->gid);
	json_number("sent_ns", m->sent_ns);
	json_number("seq", m->seq);
	json_end();
}

/* Print one that has been taken: it is nowhere else any more. */
static int show(const struct options *o, const char *path, const char *data,
		size_t len, const struct mboxfs_msg *m)
{
	if (o->json)
		show_json(path, data, len, m);
	else
		fwrite(data, 1, len, stdout);
	if (o->lines && !o->json)
		putchar('\n');
	if (!fflush(stdout) && !ferror(stdout))
		return STATUS_OK;
	if (m->flags & MBOXFS_PEEK)
		return STATUS_ERROR;
	complain(path, "a message is lost: cannot write it: %s",
		 strerror(errno));
	clearerr(stdout);
	return STATUS_ERROR;
}

/* Whoever reads our output has gone: what is taken now would be lost. */
static bool nobody_reads(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

/* The mailbox may have others than those that are dead. */
static int receive_failed(const struct options *o, const char *path, int fd,
			  int error)
{
	if (error != -EAGAIN || !o->dead)
		return report(path, fd, error, MBOXFS_MESSAGE_MAX);
	complain(path, "nothing to receive: no such message is dead");
	return STATUS_AGAIN;
}

/*
 * Take messages until @count are done. The end of those that --all and --follow
 * want is no error.
 */
static int receive(const struct options *o, const char *path, int fd,
		   uint64_t count, char *room)
{
	struct mboxfs_msg want, m;
	uint64_t done;
	ssize_t len;
	int status = STATUS_OK;

	prepare(&want, o);
	if (o->all)
		want.flags |= MBOXFS_NONBLOCK;
	for (done = 0; done < count && !status; done++) {
		if (nobody_reads())
			return STATUS_ERROR;
		m = want;
		len = mbox_recv_msg(fd, room, MBOXFS_MESSAGE_MAX, &m);
		if (len == -EAGAIN && o->all)
			break;
		if (len == -ESHUTDOWN && (o->all || o->follow))
			break;
		if (len < 0)
			return receive_failed(o, path, fd, len);
		status = show(o, path, room, len, &m);
	}
	return status;
}

/* Room for the longest message; only what is touched is memory. */
char *message_room(void)
{
	return need_memory(malloc(MBOXFS_MESSAGE_MAX));
}

int do_recv(const struct options *o, int argc, char **argv)
{
	uint64_t count = o->count;
	char *room;
	int fd, status;

	if (o->all && (o->follow || o->nonblock || o->timeout_ns >= 0))
		return bad_usage("--all goes with no --follow, --nonblock, --timeout");
	if (o->dead && (o->follow || o->timeout_ns >= 0))
		return bad_usage("--dead does not wait: no --follow, --timeout");
	if (!count)
		count = o->all || o->follow ? UINT64_MAX : 1;
	fd = mbox_open(AT_FDCWD, argv[0], O_RDONLY);
	if (fd < 0)
		return report(argv[0], -1, fd, 0);
	room = message_room();
	status = receive(o, argv[0], fd, count, room);
	free(room);
	close(fd);
	return status;
}

int do_peek(const struct options *o, int argc, char **argv)
{
	struct mboxfs_msg m;
	char *room;
	ssize_t len;
	int fd, status;

	fd = mbox_open(AT_FDCWD, argv[0], O_RDONLY);
	if (fd < 0)
		return report(argv[0], -1, fd, 0);
	room = message_room();
	prepare(&m, o);
	m.flags |= MBOXFS_PEEK;
	if (o->timeout_ns < 0)
		m.flags |= MBOXFS_NONBLOCK;
	len = mbox_recv_msg(fd, room, MBOXFS_MESSAGE_MAX, &m);
	m.flags |= MBOXFS_PEEK;
	if (len < 0)
		status = receive_failed(o, argv[0], fd, len);
	else
		status = show(o, argv[0], room, len, &m);
	free(room);
	close(fd);
	return status;
}
