// SPDX-License-Identifier: GPL-2.0-only
/*
 * A server that waits for requests with epoll, and clients that ask it.
 *
 * Each service is a mailbox, "upper" and "reverse", in the group
 * FOLDER/text. Replies go to the client's own mailbox in FOLDER/text/replies,
 * whose names are numbers of processes (naming=pid): the kernel says who has
 * sent a request, only that process can receive the reply, and its mailbox ends
 * with it. Mailboxes and other descriptors, here that of signals, are waited
 * for together.
 *
 *	epoll_server serve [FOLDER]
 *	epoll_server ask SERVICE TEXT [FOLDER]
 *
 * FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. The server ends
 * with SIGINT or SIGTERM. Link with -lmboxfs.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libmboxfs.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LONGEST 1024	/* bytes of a request, and of a reply */
#define PATIENCE MBOX_MS(60 * 1000)

static void upper(char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		text[i] = toupper((unsigned char)text[i]);
}

static void reverse(char *text, size_t len)
{
	size_t i;
	char c;

	for (i = 0; i < len / 2; i++) {
		c = text[i];
		text[i] = text[len - 1 - i];
		text[len - 1 - i] = c;
	}
}

static struct service {
	const char	*name;
	void		(*work)(char *text, size_t len);
	int		fd;
} services[] = {
	{ "upper", upper },
	{ "reverse", reverse },
};

/* What @ret says, or the end of the program if it is an error. */
static int need(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
	return ret;
}

/* The group FOLDER/text, which the server makes. */
static int open_text(const char *folder, int make)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/text", folder);
	if (!make)
		return need(mbox_open_group(AT_FDCWD, path), path);
	return need(mbox_create_group(AT_FDCWD, path, 0, 0755, NULL, 0, NULL),
		    path);
}

/*
 * A mailbox for requests: anybody sends, the server receives. It is the
 * server's, and goes with it, however that ends; so a client never asks where
 * nobody serves, and a second server is told EBUSY.
 */
static void open_service(struct service *s, int text)
{
	static const struct mbox_setting settings[] = {
		{ MBOX_MAX_MESSAGE_SIZE, LONGEST },
		{ MBOX_MAX_MESSAGES, 100 },
	};

	s->fd = need(mbox_create(text, s->name, O_RDWR | O_NONBLOCK, 0622,
				 settings, ARRAY_SIZE(settings), NULL),
		     s->name);
	need(mbox_bind(s->fd), s->name);
}

/*
 * Where all clients make their mailboxes. The sticky bit forbids them to remove
 * each other's.
 */
static int create_replies(int text)
{
	static const struct mbox_setting settings[] = {
		{ MBOX_MAX_MESSAGE_SIZE, LONGEST },
		{ MBOX_NAMING, MBOX_NAMING_PID },
	};

	return need(mbox_create_group(text, "replies", 0, 01777, settings,
				      ARRAY_SIZE(settings), NULL), "replies");
}

/* The reply has the tag of its request, by which the client knows it. */
static int reply(int replies, const struct mboxfs_msg *request,
		 const char *text, size_t len)
{
	struct mboxfs_msg m;
	int fd, ret;

	/* A client that we cannot see; to open, 0 means ourselves. */
	if (!request->pid)
		return -ESRCH;
	/* A client that does not read must not hold up the others. */
	fd = mbox_open_process(replies, request->pid, O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	mbox_msg_init(&m);
	m.tag = request->tag;
	ret = mbox_send_msg(fd, text, len, &m);
	close(fd);
	return ret;
}

/*
 * Do one request. There may be none: what epoll has told may have been purged
 * meanwhile. One at a time, so that no service keeps the others waiting.
 */
static void serve_one(const struct service *s, int replies)
{
	struct mboxfs_msg m;
	char text[LONGEST];
	ssize_t len;
	int ret;

	mbox_msg_init(&m);
	len = mbox_recv_msg(s->fd, text, sizeof(text), &m);
	if (len == -EAGAIN)
		return;
	need(len, s->name);
	s->work(text, len);
	ret = reply(replies, &m, text, len);
	if (ret < 0)	/* it has gone (ESRCH), or its mailbox is full */
		warnx("%s: reply to %d: %s", s->name, m.pid, strerror(-ret));
	else
		printf("%s: replied to %d\n", s->name, m.pid);
}

static int open_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC);
}

/* Tell of what can be read: @service, or NULL for a signal. */
static void watch(int epoll, int fd, struct service *service)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.ptr = service,
	};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static int serve(const char *folder)
{
	int text = open_text(folder, 1), replies = create_replies(text);
	int epoll = epoll_create1(EPOLL_CLOEXEC), i;
	struct epoll_event event;

	watch(epoll, open_signals(), NULL);
	for (i = 0; i < ARRAY_SIZE(services); i++) {
		open_service(&services[i], text);
		watch(epoll, services[i].fd, &services[i]);
	}
	printf("ready\n");
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) < 0)
			err(1, "epoll_wait");
		if (!event.data.ptr)
			return 0;
		serve_one(event.data.ptr, replies);
	}
}

/*
 * Anybody may send to our mailbox. A reply is one that has our tag and comes
 * from the user whose service it is.
 */
static ssize_t receive_reply(int own, uint64_t tag, uid_t server, char *text)
{
	struct mboxfs_msg m;
	ssize_t len;

	do {
		mbox_msg_init(&m);
		m.flags = MBOXFS_TAGGED;
		m.tag = tag;
		m.timeout_ns = PATIENCE;
		len = mbox_recv_msg(own, text, LONGEST, &m);
	} while (len >= 0 && m.uid != server);
	return len;
}

static int ask(const char *name, const char *request, const char *folder)
{
	int text = open_text(folder, 0), service, own;
	struct mboxfs_msg m;
	char answer[LONGEST];
	struct stat st;
	ssize_t len;

	service = need(mbox_open(text, name, O_WRONLY), name);
	if (fstat(service, &st) < 0)
		err(1, "%s", name);
	own = need(mbox_open_group(text, "replies"), "replies");
	own = need(mbox_open_process(own, 0, O_RDONLY), "own mailbox");
	mbox_msg_init(&m);
	m.tag = 1;	/* with more than one request, a number for each */
	m.timeout_ns = PATIENCE;
	need(mbox_send_msg(service, request, strlen(request), &m), name);
	len = need(receive_reply(own, m.tag, st.st_uid, answer), "reply");
	printf("%.*s\n", (int)len, answer);
	return 0;
}

int main(int argc, char *argv[])
{
	const char *verb = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(verb, "serve") && argc <= 3)
		return serve(argc > 2 ? argv[2] : "/mnt/mbox");
	if (!strcmp(verb, "ask") && (argc == 4 || argc == 5))
		return ask(argv[2], argv[3], argc > 4 ? argv[4] : "/mnt/mbox");
	errx(2, "usage: epoll_server serve [FOLDER] | ask SERVICE TEXT [FOLDER]");
}
