// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, for STRESS_SECONDS (20): every message is accounted for
 * exactly once. And crowds of those who wait.
 */
#include "test.h"

/* What each process has seen of its own calls. */
static struct tally {
	long long sent, received, bytes, revoked, purged;
	char pad[24];
} *tallies;

static int seconds(void)
{
	return atoi(getenv("STRESS_SECONDS") ?: "20");
}

static volatile sig_atomic_t over;

static void on_alarm(int signal)
{
	over = 1;
}

static void until_over(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	alarm(seconds());
}

static void be_sender(int fd, struct tally *tally)
{
	static char data[5000];
	struct mboxfs_msg m;

	srandom(getpid());
	while (!over) {
		m = t_msg(data, random() % 10 ? random() % 200 :
						 random() % sizeof(data), 0);
		m.priority = random() % 4 ? 0 : random() % 5;
		if (random() % 2) {
			m.flags |= MBOXFS_DELAY;
			m.delay_ns = random() % 20000000;
		} else if (random() % 20 == 0) {
			m.flags |= MBOXFS_SYNC;
		}
		m.timeout_ns = random() % 50000000;
		if (ioctl(fd, MBOXFS_IOC_SEND, &m) == 0)
			tally->sent++;
		else
			CHECK(errno == ESHUTDOWN || errno == ETIMEDOUT ||
			      errno == EINTR || errno == EAGAIN ||
			      errno == ECANCELED || errno == ENOSPC);
	}
}

static void be_reader(int fd, struct tally *tally)
{
	static char data[6000];
	struct mboxfs_msg m;

	srandom(getpid());
	while (!over) {
		m = t_msg(data, sizeof(data), 0);
		m.timeout_ns = random() % 50000000;
		if (random() % 50 == 0)
			m.data = 8; /* the copy fails, if it has a body */
		if (ioctl(fd, MBOXFS_IOC_RECV, &m) == 0) {
			tally->received++;
			tally->bytes += m.len;
		} else {
			CHECK(errno == ESHUTDOWN || errno == ETIMEDOUT ||
			      errno == EINTR || errno == EAGAIN ||
			      errno == EFAULT);
		}
	}
}

static void be_flusher(int fd, struct tally *tally)
{
	while (!over) {
		CHECK_EQ(fsync(fd), 0);
		usleep(random() % 5000);
	}
}

static void be_revoker(int fd, struct tally *tally)
{
	int n;

	while (!over) {
		n = ioctl(fd, MBOXFS_IOC_REVOKE);
		CHECK(n >= 0);
		tally->revoked += n;
		usleep(random() % 20000);
	}
}

static void be_stopper(int fd, struct tally *tally)
{
	while (!over) {
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
		usleep(random() % 2000);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
		usleep(random() % 30000);
	}
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
}

static void be_purger(int fd, struct tally *tally)
{
	int n;

	while (!over) {
		n = ioctl(fd, MBOXFS_IOC_PURGE);
		CHECK(n >= 0);
		tally->purged += n;
		usleep(random() % 50000);
	}
}

/* Limits and policies that change under everyone's feet. */
static void be_tuner(int fd, struct tally *tally)
{
	static const char *const full[] = { "block", "drop_oldest", "fail" };

	while (!over) {
		t_set("q", "when_full", full[random() % 3]);
		t_set("q", "ttl_ms", random() % 2 ? "0" : "5");
		t_set("q", "max_messages", random() % 2 ? "20" : "500");
		usleep(random() % 20000);
	}
}

TEST(every_message_is_accounted_for_exactly_once)
{
	static void (*const roles[])(int, struct tally *) = {
		be_sender, be_sender, be_sender, be_sender, be_reader,
		be_reader, be_flusher, be_revoker, be_stopper, be_purger,
		be_tuner,
	};
	const int n = sizeof(roles) / sizeof(*roles);
	int fd = t_open("q", O_RDWR), i;
	struct tally all = { 0 };
	char data[6000];

	t_takes(seconds());
	tallies = mmap(NULL, n * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(tallies != MAP_FAILED);
	for (i = 0; i < n; i++) {
		if (!t_fork()) {
			until_over();
			roles[i](fd, &tallies[i]);
			_exit(0);
		}
	}
	t_wait_all();
	/* What is left is received by us. */
	t_set("q", "ttl_ms", "0");
	CHECK_EQ(fsync(fd), 0);
	for (i = 0; i < n; i++) {
		all.sent += tallies[i].sent;
		all.received += tallies[i].received;
		all.revoked += tallies[i].revoked;
		all.purged += tallies[i].purged;
	}
	t_set("q", "when_empty", "eof");
	for (;;) {
		struct mboxfs_msg m = t_msg(data, sizeof(data),
					    MBOXFS_NONBLOCK);

		if (ioctl(fd, MBOXFS_IOC_RECV, &m))
			break;
		all.received++;
	}
	printf("# sent %lld received %lld revoked %lld purged %lld\n",
	       t_get("q", "sent_total"), all.received,
	       t_get("q", "revoked_total"), all.purged);
	printf("# dropped %lld expired %lld\n", t_get("q", "dropped_total"),
	       t_get("q", "expired_total"));
	CHECK_EQ(t_get("q", "received_total"), all.received);
	/*
	 * Besides what calls have purged, what was being copied meanwhile and
	 * failed; besides what they have revoked, what senders took back.
	 */
	CHECK(t_get("q", "purged_total") >= all.purged);
	CHECK(t_get("q", "revoked_total") >= all.revoked);
	CHECK(t_get("q", "sent_total") >= all.sent);
	CHECK_EQ(t_get("q", "sent_total"),
		 t_get("q", "received_total") + t_get("q", "revoked_total") +
		 t_get("q", "purged_total") + t_get("q", "dropped_total") +
		 t_get("q", "expired_total"));
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "bytes"), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "delayed_bytes"), 0);
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	CHECK(all.received > t_scaled(1000));
}

enum { BY_STOP, BY_UNLINK, BY_KILL };

/* Sixty-four who wait in every way there is, each expecting its end. */
static void wait_somehow(int in, int out, int kind)
{
	struct mboxfs_msg m;
	char c;

	switch (kind % 8) {
	case 0:
		read(in, &c, 1);
		break;
	case 1:
		write(out, "x", 1);
		break;
	case 2:
	case 3:
		m = t_msg(&c, 1, kind % 8 == 2 ? MBOXFS_TAGGED : MBOXFS_PEEK);
		m.tag = 99;
		ioctl(in, MBOXFS_IOC_RECV, &m);
		break;
	case 4:
		m = t_msg(&c, 1, MBOXFS_FROM);
		m.pid = 1;
		m.timeout_ns = 3600000000000;
		ioctl(in, MBOXFS_IOC_RECV, &m);
		break;
	case 5:
		m = t_msg("x", 1, 0);
		m.priority = kind;
		m.timeout_ns = 3600000000000;
		ioctl(out, MBOXFS_IOC_SEND, &m);
		break;
	case 6:
		m = t_msg("x", 1, MBOXFS_SYNC);
		ioctl(out, MBOXFS_IOC_SEND, &m);
		break;
	case 7: {
		struct pollfd p = { .fd = in, .events = POLLIN };

		poll(&p, 1, -1);
		break;
	}
	}
}

static void crowd(int how)
{
	int in = t_open("in", O_RDWR), out = t_open("out", O_RDWR), i;
	long long start;
	pid_t pids[64];

	t_set("out", "max_messages", "1");
	t_send(out, "full");
	for (i = 0; i < 64; i++) {
		pids[i] = t_fork();
		if (!pids[i]) {
			wait_somehow(in, out, i);
			_exit(0);
		}
	}
	t_await("in", "readers_waiting", 32);
	t_await("out", "writers_waiting", 24);
	start = t_now_ms();
	switch (how) {
	case BY_STOP:
		CHECK_EQ(ioctl(in, MBOXFS_IOC_STOP), 0);
		CHECK_EQ(ioctl(out, MBOXFS_IOC_STOP), 0);
		break;
	case BY_UNLINK:
		CHECK_EQ(unlink("in"), 0);
		CHECK_EQ(unlink("out"), 0);
		break;
	case BY_KILL:
		for (i = 0; i < 64; i++)
			kill(pids[i], SIGKILL);
		break;
	}
	for (i = 0; i < 64; i++)
		CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	printf("# all left after %lld ms\n", t_now_ms() - start);
	/* A second on a machine; this one may be emulated on a busy one. */
	CHECK(!t_overdue(start, 20000));
	if (how != BY_UNLINK) {
		CHECK_EQ(t_get("in", "readers_waiting"), 0);
		CHECK_EQ(t_get("out", "writers_waiting"), 0);
		CHECK_EQ(t_get("out", "messages"), 1);
	}
}

TEST(a_crowd_is_let_out_by_stop)
{
	crowd(BY_STOP);
}

TEST(a_crowd_is_let_out_by_unlink)
{
	crowd(BY_UNLINK);
}

TEST(a_crowd_is_let_out_by_kill)
{
	crowd(BY_KILL);
}
