// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read many mailboxes with io_uring.
 *
 * A plain read is in flight on each mailbox of a folder; one read is one
 * message, and waits for it in the kernel without a thread. Do not use
 * multishot reads on a mailbox.
 *
 *	uring_reader [FOLDER]
 *
 * Reads the mailboxes that are directly in FOLDER now (/mnt/mbox, if there is
 * none), until all of them have been stopped or removed. Link with -lmboxfs
 * -luring.
 */
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>
#include <libmboxfs.h>

#define MOST 64		/* mailboxes */
#define ROOM 65536	/* as max_message_size, if nobody has set it */

static struct mailbox {
	char	name[NAME_MAX + 1];
	int	fd;
	char	message[ROOM];
} mailboxes[MOST];

/* Open all mailboxes of a folder; return how many there are, at least one. */
static int open_mailboxes(const char *folder)
{
	int group = mbox_open_group(AT_FDCWD, folder), count = 0;
	struct dirent *entry;
	struct mailbox *box;
	DIR *dir;

	dir = group < 0 ? NULL : fdopendir(group);
	if (!dir)
		errx(1, "%s: %s", folder, strerror(group < 0 ? -group : errno));
	while (count < MOST && (entry = readdir(dir))) {
		if (entry->d_type != DT_REG)
			continue;
		box = &mailboxes[count];
		snprintf(box->name, sizeof(box->name), "%s", entry->d_name);
		box->fd = mbox_open(group, box->name, O_RDONLY);
		if (box->fd < 0)
			warnx("%s: %s", box->name, strerror(-box->fd));
		else
			count++;
	}
	closedir(dir);
	if (!count)
		errx(1, "%s: no mailbox is there", folder);
	return count;
}

/* The ring has room for one request of each mailbox. */
static void submit_read(struct io_uring *ring, struct mailbox *box)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	int ret;

	io_uring_prep_read(sqe, box->fd, box->message, ROOM, 0);
	io_uring_sqe_set_data(sqe, box);
	ret = io_uring_submit(ring);
	if (ret < 0)
		errx(1, "io_uring_submit: %s", strerror(-ret));
}

/* What others have sent may be anything, also what would steer a terminal. */
static void show(const struct mailbox *box, int len)
{
	int i;

	printf("%s: ", box->name);
	for (i = 0; i < len; i++)
		putchar(isprint((unsigned char)box->message[i]) ?
			box->message[i] : '?');
	putchar('\n');
}

/* Wait for the next read that is done; return its mailbox. */
static struct mailbox *complete(struct io_uring *ring, int *len)
{
	struct io_uring_cqe *cqe;
	struct mailbox *box;
	int ret;

	do {
		ret = io_uring_wait_cqe(ring, &cqe);
	} while (ret == -EINTR);
	if (ret < 0)
		errx(1, "io_uring_wait_cqe: %s", strerror(-ret));
	box = io_uring_cqe_get_data(cqe);
	*len = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return box;
}

/* Each mailbox has a read in flight until it ends. */
static void read_all(struct io_uring *ring, int count)
{
	struct mailbox *box;
	int i, len;

	for (i = 0; i < count; i++)
		submit_read(ring, &mailboxes[i]);
	while (count) {
		box = complete(ring, &len);
		if (len < 0)
			warnx("%s: %s", box->name, strerror(-len));
		/* No bytes: it is stopped, and nothing is left. */
		if (len <= 0) {
			count--;
			continue;
		}
		show(box, len);
		submit_read(ring, box);
	}
}

int main(int argc, char *argv[])
{
	struct io_uring ring;
	int count, ret;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		errx(2, "usage: uring_reader [FOLDER]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	count = open_mailboxes(argc > 1 ? argv[1] : "/mnt/mbox");
	ret = io_uring_queue_init(MOST, &ring, 0);
	if (ret < 0)
		errx(1, "io_uring_queue_init: %s", strerror(-ret));
	read_all(&ring, count);
	io_uring_queue_exit(&ring);
	return 0;
}
