// SPDX-License-Identifier: GPL-2.0-only
/*
 * A barrier of N processes, made of nothing but messages.
 *
 * Each process has a mailbox of its own. Each tells the first one that it has
 * come, and waits for that one's answer; the first one answers when all have
 * come. Both are rendezvous: mysend() returns when its message has been
 * received.
 *
 *	message_barrier [-n PROCESSES] [FOLDER]
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mysend.h>

static void send_own_number(pid_t to)
{
	pid_t own = getpid();

	if (mysend(to, sizeof(own), (char *)&own) < 0)
		err(1, "send to %d", to);
}

/* Receive from one process, or from any (-1); return which. */
static pid_t receive_number(pid_t from)
{
	pid_t sender;

	if (myreceive(from, sizeof(sender), (char *)&sender) != sizeof(sender))
		err(1, "receive from %d", from);
	return sender;
}

/* The first one counts those who come, and answers them all. */
static void lead(int others)
{
	pid_t *came = calloc(others, sizeof(*came));
	int i;

	for (i = 0; i < others; i++)
		came[i] = receive_number(-1);
	for (i = 0; i < others; i++)
		send_own_number(came[i]);
	free(came);
}

static void follow(pid_t leader)
{
	send_own_number(leader);
	receive_number(leader);
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

int main(int argc, char *argv[])
{
	int count = 8, opt, status, failed = 0, k;
	pid_t leader = 0, pid;

	while ((opt = getopt(argc, argv, "n:")) != -1) {
		if (opt != 'n' || atoi(optarg) < 1)
			errx(2, "usage: message_barrier [-n PROCESSES] [FOLDER]");
		count = atoi(optarg);
	}
	if (optind < argc)
		setenv("MBOXFS", argv[optind], 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
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
