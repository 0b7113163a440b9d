// SPDX-License-Identifier: GPL-2.0-only
/*
 * A barrier of N processes, made of nothing but messages.
 *
 * Each process has a mailbox of its own, in a group with naming=pid. Each
 * tells the first one that it has come, and waits for that one's answer; the
 * first one answers when all have come. Both are rendezvous: a send returns
 * when its message has been received.
 *
 *	message_barrier [-n PROCESSES] [GROUP]
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/mboxfs.h>

static const char *group = "/mnt/mbox/processes";

/* The mailbox of a process; the first to send, or the process, makes it. */
static int open_mailbox(pid_t pid, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", group, pid);
	fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Send, and wait until it has been received. */
static void send_to(pid_t pid, const char *text)
{
	struct mboxfs_msg m = {
		.data = (uintptr_t)text,
		.len = strlen(text),
		.flags = MBOXFS_SYNC,
		.timeout_ns = -1,
	};
	int fd = open_mailbox(pid, O_WRONLY);

	if (ioctl(fd, MBOXFS_IOC_SEND, &m))
		err(1, "send to %d", pid);
	close(fd);
}

/* Receive from one process, or from any (0); return which. */
static pid_t receive_from(pid_t pid)
{
	static int own = -1;
	char text[64];
	struct mboxfs_msg m = {
		.data = (uintptr_t)text,
		.len = sizeof(text),
		.flags = pid ? MBOXFS_FROM : 0,
		.pid = pid,
		.timeout_ns = -1,
	};

	if (own < 0)
		own = open_mailbox(getpid(), O_RDONLY);
	if (ioctl(own, MBOXFS_IOC_RECV, &m))
		err(1, "receive from %d", pid);
	return m.pid;
}

/* The first one counts those who come, and answers them all. */
static void lead(int others)
{
	pid_t *came = calloc(others, sizeof(*came));
	int i;

	for (i = 0; i < others; i++)
		came[i] = receive_from(0);
	for (i = 0; i < others; i++)
		send_to(came[i], "go on");
	free(came);
}

static void follow(pid_t leader)
{
	send_to(leader, "here I am");
	receive_from(leader);
}

/* A process: reports before and after the barrier. */
static void process(int k, int count, pid_t leader)
{
	usleep(rand() % 20000 * (k % 3));
	printf("number %d: before\n", k);
	if (k)
		follow(leader);
	else
		lead(count - 1);
	printf("number %d: after\n", k);
	exit(0);
}

static void make_group(void)
{
	if (mkdir(group, 0777)) {
		if (errno == EEXIST)
			return;
		err(1, "%s", group);
	}
	if (chmod(group, 01777) ||
	    setxattr(group, MBOXFS_XATTR_PREFIX "naming", "pid", 3, 0))
		err(1, "naming of %s", group);
}

int main(int argc, char *argv[])
{
	int count = 8, opt, status, failed = 0, k;
	pid_t leader = 0, pid;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n' || atoi(optarg) < 1)
			errx(2, "usage: message_barrier [-n PROCESSES] [GROUP]");
		count = atoi(optarg);
	}
	if (optind < argc)
		group = argv[optind];
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_group();
	for (k = 0; k < count; k++) {
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (!pid)
			process(k, count, leader);
		if (!k)
			leader = pid;
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}
