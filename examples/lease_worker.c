// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that has several jobs at a time, waits with epoll, and loses none.
 *
 * Each job is on lease until it is done, so the mailbox keeps it; however the
 * worker ends, the kernel gives the rest to the next one. A job is a message
 * "MILLISECONDS NAME": it stands for a request that somebody else answers after
 * that time. "fail NAME" is one that fails, and is tried again a second later;
 * anything else is no job, and dead at once.
 *
 *	lease_worker [-n AT_ONCE] MAILBOX
 *
 * Ends when the mailbox is stopped and all is done, or with SIGINT or SIGTERM.
 * Link with -lmboxfs.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <libmboxfs.h>

#define MOST 1024	/* jobs at a time: as many as one call settles */
#define LONGEST 256	/* bytes of a job */
#define PAUSE 1000	/* ms until one that has failed comes again */

/* What is on lease. */
static struct job {
	__u64		seq;
	int64_t		due;	/* when it is done, ms */
	char		name[LONGEST];
} jobs[MOST];
static int count;

static int mailbox;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -ENOENT: the lease has ended meanwhile, and somebody else has the job. */
static void settle(const struct job *job, int how, const char *what)
{
	int64_t delay = how == MBOXFS_RETURN ? MBOX_MS(PAUSE) : 0;
	int ret = mbox_settle(mailbox, &job->seq, 1, how, delay);

	if (ret < 0)
		what = strerror(-ret);
	printf("%s: %s\n", job->name, what);
}

/* Take a job. Returns 0, or a negative error number if there is none. */
static int take(void)
{
	struct job *job = &jobs[count];
	char text[LONGEST];
	struct mboxfs_msg m;
	ssize_t len;
	int ms;

	mbox_msg_init(&m);
	m.flags = MBOXFS_NONBLOCK;
	len = mbox_lease(mailbox, text, sizeof(text) - 1, &m);
	if (len < 0)
		return len;
	text[len] = '\0';
	job->seq = m.seq;
	if (sscanf(text, "%d %255s", &ms, job->name) == 2 && ms >= 0) {
		job->due = now_ms() + ms;
		count++;
	} else if (sscanf(text, "fail %255s", job->name) == 1) {
		settle(job, MBOXFS_RETURN, "failed");
	} else {
		snprintf(job->name, sizeof(job->name), "message %llu",
			 (unsigned long long)m.seq);
		settle(job, MBOXFS_BURY, "no job");
	}
	return 0;
}

/* Acknowledge what is done by now. */
static void finish(void)
{
	int64_t now = now_ms();
	int i;

	for (i = count - 1; i >= 0; i--) {
		if (jobs[i].due > now)
			continue;
		settle(&jobs[i], MBOXFS_ACK, "done");
		jobs[i] = jobs[--count];
	}
}

/*
 * Keep all leases, in one call: their time begins anew, with what lease_ms is
 * now, which the owner may change. Returns when to do so again, in ms; -1: never.
 */
static int64_t keep_leases(void)
{
	static int64_t lease_ms, touched;
	uint64_t value = lease_ms;
	__u64 seqs[MOST];
	int64_t now = now_ms();
	int i;

	mbox_attr_get(mailbox, MBOX_LEASE_MS, &value);
	if (lease_ms != value || touched + lease_ms / 3 <= now) {
		lease_ms = value;
		touched = now;
		for (i = 0; i < count; i++)
			seqs[i] = jobs[i].seq;
		if (count)
			mbox_settle(mailbox, seqs, count, MBOXFS_TOUCH, 0);
	}
	return lease_ms ? touched + lease_ms / 3 - now : -1;
}

/* How long to wait at most: until the next lease or job has its time. */
static int patience(int64_t left)
{
	int64_t now = now_ms();
	int i;

	for (i = 0; i < count; i++)
		if (left < 0 || jobs[i].due - now < left)
			left = jobs[i].due > now ? jobs[i].due - now : 0;
	return left < 60000 ? left : 60000;
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
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

/* Until there will be no more, or a signal: what is left then comes again. */
static void work(int at_once)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), signals = open_signals();
	struct epoll_event event;
	int ret;

	/*
	 * A mailbox that is stopped is a hangup all the time, also while what is
	 * left there is on lease: so tell what is new only, EPOLLET. It is tried
	 * until there is nothing before each wait.
	 */
	watch(epoll, mailbox, EPOLLIN | EPOLLET);
	watch(epoll, signals, EPOLLIN);
	for (;;) {
		do {
			ret = count < at_once ? take() : -EAGAIN;
		} while (!ret);
		if (ret != -EAGAIN)
			break;
		ret = epoll_wait(epoll, &event, 1, patience(keep_leases()));
		if (ret > 0 && event.data.fd == signals)
			return;
		finish();
	}
	if (ret != -ESHUTDOWN)
		errx(1, "lease: %s", strerror(-ret));
}

int main(int argc, char *argv[])
{
	int at_once = 4, opt;

	while ((opt = getopt(argc, argv, "n:")) != -1)
		at_once = opt == 'n' ? atoi(optarg) : 0;
	if (at_once < 1 || at_once > MOST || argc - optind != 1)
		errx(2, "usage: lease_worker [-n AT_ONCE] MAILBOX; at most %d",
		     MOST);
	mailbox = mbox_open(AT_FDCWD, argv[optind], O_RDONLY);
	if (mailbox < 0)
		errx(1, "%s: %s", argv[optind], strerror(-mailbox));
	setvbuf(stdout, NULL, _IOLBF, 0);
	work(at_once);
	return 0;
}
