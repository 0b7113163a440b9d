// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workers that take on lease, and are killed at any moment, for STRESS_SECONDS (8):
 * each message is acknowledged exactly once or still there, none is with two at a
 * time, and the counters add up. Once more in a user namespace, at the same time.
 */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>

#define SENDERS	2
#define WORKERS	6
#define MOST	1000000	/* messages */
#define LIVES	50000	/* of workers */
#define BATCH	8
#define ROOM	200

/* How workers take messages. */
enum { SINGLY, IN_BATCHES, PACKED, BY_READ, STYLES };

/* What is known of a message; its number is its tag, and in its bytes. */
struct mark {
	uint32_t holder;	/* the life of a worker, or 0 */
	uint8_t sent, acking, acked;
	uint8_t given;		/* how often, at least */
};

static struct shared {
	bool over;
	uint32_t next;		/* message */
	uint32_t lives;
	bool killed[LIVES];
	long given, returned;
	struct mark marks[MOST];
} *s;

static int crash_seconds(void)
{
	return atoi(getenv("STRESS_SECONDS") ?: "8");
}

struct content {
	uint32_t number, length;
	char more[ROOM - 8];
};

/* ---- Senders, who live on ---- */

static uint32_t make_content(struct content *c, uint32_t number)
{
	uint32_t i;

	c->number = number;
	c->length = 8 + random() % (ROOM - 8);
	for (i = 8; i < c->length; i++)
		((char *)c)[i] = number + i;
	return c->length;
}

static uint32_t new_number(void)
{
	return __atomic_fetch_add(&s->next, 1, __ATOMIC_SEQ_CST);
}

static void send_single(int fd)
{
	struct content c;
	uint32_t number = new_number();
	struct mboxfs_msg m = t_msg(&c, make_content(&c, number), 0);

	m.tag = number;
	m.priority = random() % 3;
	if (random() % 4 == 0) {
		m.flags |= MBOXFS_DELAY;
		m.delay_ns = random() % 3000000;
	}
	s->marks[number].sent = 1;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
}

static void send_packed(int fd)
{
	static char buf[BATCH * (sizeof(struct mboxfs_record) + ROOM + 8)];
	struct mboxfs_packed k = { .buf = (uintptr_t)buf, .timeout_ns = -1 };
	uint32_t numbers[BATCH], at[BATCH + 1], i, done = 0;
	int n;

	at[0] = 0;
	for (i = 0; i < BATCH; i++) {
		struct mboxfs_record *r = (void *)(buf + at[i]);

		numbers[i] = new_number();
		r->len = make_content((void *)(r + 1), numbers[i]);
		r->priority = 0;
		r->tag = numbers[i];
		s->marks[numbers[i]].sent = 1;
		at[i + 1] = at[i] + (sizeof(*r) + r->len + 7) / 8 * 8;
	}
	while (done < BATCH) {
		k.buf = (uintptr_t)buf + at[done];
		k.len = at[BATCH] - at[done];
		n = ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k);
		CHECK(n > 0);
		done += n;
	}
}

static void be_sender(void)
{
	int fd = open("q", O_WRONLY);

	while (!s->over && s->next < MOST - SENDERS * BATCH) {
		if (random() % 8)
			send_single(fd);
		else
			send_packed(fd);
	}
}

/* ---- Workers ---- */

static uint32_t life;	/* the number of this worker's */

/* A message has been given to us; whoever had it before has been killed. */
static void note(const struct content *c, uint32_t len, unsigned int attempts)
{
	struct mark *mark;
	uint32_t i, before;

	CHECK(c->number < s->next);
	mark = &s->marks[c->number];
	CHECK_EQ(c->length, len);
	for (i = 8; i < len; i++)
		CHECK_EQ(((char *)c)[i], (char)(c->number + i));
	before = __atomic_exchange_n(&mark->holder, life, __ATOMIC_SEQ_CST);
	if (before && !__atomic_load_n(&s->killed[before], __ATOMIC_SEQ_CST))
		test_failed(__FILE__, __LINE__,
			    "message %u is with %u and with %u, who lives",
			    c->number, life, before);
	CHECK_EQ(mark->acked, 0);
	mark->acking = 0;
	if (mark->given < 255)
		mark->given++;
	if (attempts)
		CHECK(attempts >= mark->given);
	__atomic_fetch_add(&s->given, 1, __ATOMIC_RELAXED);
}

static void acknowledging(uint32_t number)
{
	__atomic_store_n(&s->marks[number].acking, 1, __ATOMIC_SEQ_CST);
}

static void acknowledged(uint32_t number)
{
	CHECK_EQ(__atomic_fetch_add(&s->marks[number].acked, 1,
				    __ATOMIC_SEQ_CST), 0);
}

static void let_go(uint32_t number)
{
	__atomic_store_n(&s->marks[number].holder, 0, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&s->returned, 1, __ATOMIC_RELAXED);
}

/* Work for a moment, or for none, then do something with them. */
static void settle(int fd, const uint64_t *seqs, const uint32_t *numbers, int n)
{
	struct mboxfs_settle settle = { .seqs = (uintptr_t)seqs, .count = n };
	int i;

	if (random() % 2)
		usleep(random() % 2000);
	switch (random() % 8) {
	case 0:
		settle.how = MBOXFS_RETURN;
		if (random() % 2)
			settle.delay_ns = random() % 2000000;
		for (i = 0; i < n; i++)
			let_go(numbers[i]);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SETTLE, &settle), n);
		return;
	case 1:
		settle.how = MBOXFS_TOUCH;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SETTLE, &settle), n);
		break;
	}
	for (i = 0; i < n; i++)
		acknowledging(numbers[i]);
	settle.how = MBOXFS_ACK;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SETTLE, &settle), n);
	for (i = 0; i < n; i++)
		acknowledged(numbers[i]);
}

static void work_singly(int fd)
{
	struct content c = { 0 };
	struct mboxfs_msg m = t_msg(&c, sizeof(c), MBOXFS_LEASE);
	uint32_t number;

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	CHECK_EQ(m.tag, c.number);
	CHECK(m.attempts > 0);
	note(&c, m.len, m.attempts);
	number = c.number;
	settle(fd, (uint64_t[]){ m.seq }, &number, 1);
}

static void work_in_batches(int fd)
{
	struct content c[BATCH];
	struct mboxfs_msg m[BATCH];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = BATCH,
				  .flags = MBOXFS_LEASE, .timeout_ns = -1 };
	uint64_t seqs[BATCH];
	uint32_t numbers[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++)
		m[i] = t_msg(&c[i], sizeof(c[i]), 0);
	n = ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b);
	CHECK(n > 0);
	for (i = 0; i < n; i++) {
		note(&c[i], m[i].len, m[i].attempts);
		seqs[i] = m[i].seq;
		numbers[i] = c[i].number;
	}
	/* In two parts, which may come to different ends. */
	i = random() % (n + 1);
	if (i)
		settle(fd, seqs, numbers, i);
	if (i < n)
		settle(fd, seqs + i, numbers + i, n - i);
}

static void work_packed(int fd)
{
	struct leased_record {
		uint64_t seq;
		struct mboxfs_record r;
	} *l;
	char buf[BATCH * (sizeof(*l) + ROOM)] __attribute__((aligned(8)));
	struct mboxfs_packed k = { .buf = (uintptr_t)buf, .len = sizeof(buf),
				   .count = BATCH, .flags = MBOXFS_LEASE,
				   .timeout_ns = -1 };
	uint64_t seqs[BATCH];
	uint32_t numbers[BATCH];
	int i, n, at = 0;

	n = ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k);
	CHECK(n > 0 && n <= BATCH);
	for (i = 0; i < n; i++) {
		l = (void *)(buf + at);
		note((void *)(l + 1), l->r.len, 0);
		seqs[i] = l->seq;
		numbers[i] = l->r.tag;
		at += (sizeof(*l) + l->r.len + 7) / 8 * 8;
	}
	settle(fd, seqs, numbers, n);
}

/* The next read, or fsync(), acknowledges; closing does not. */
static void work_by_read(int *fd)
{
	static uint32_t last;
	static bool has;
	struct content c;
	ssize_t n;

	if (has && random() % 8 == 0) {
		let_go(last);
		has = false;
		close(*fd);
		*fd = open("q", O_RDONLY);
	}
	if (has)
		acknowledging(last);
	if (has && random() % 8 == 0) {
		CHECK_EQ(fsync(*fd), 0);
		acknowledged(last);
		has = false;
	}
	n = read(*fd, &c, sizeof(c));
	CHECK(n > 0);
	if (has)
		acknowledged(last);
	note(&c, n, 0);
	last = c.number;
	has = true;
	if (random() % 2)
		usleep(random() % 1000);
}

static void be_worker(int style)
{
	int fd = open("q", O_RDONLY);

	CHECK(fd >= 0);
	for (;;) {
		switch (style) {
		case SINGLY:
			work_singly(fd);
			break;
		case IN_BATCHES:
			work_in_batches(fd);
			break;
		case PACKED:
			work_packed(fd);
			break;
		default:
			work_by_read(&fd);
		}
	}
}

/* ---- Their lives, and what is left ---- */

static pid_t begin_life(uint32_t *number, int style)
{
	pid_t pid;

	*number = ++s->lives;
	CHECK(*number < LIVES);
	pid = t_fork();
	if (!pid) {
		life = *number;
		srandom(life);
		be_worker(style);
	}
	return pid;
}

/* Nobody takes what he held for held by somebody who lives. */
static void end_life(pid_t pid, uint32_t number)
{
	int status;

	__atomic_store_n(&s->killed[number], true, __ATOMIC_SEQ_CST);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	/* It may have failed before. */
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void await_senders(const pid_t *senders)
{
	int i;

	s->over = true;
	for (i = 0; i < SENDERS; i++)
		t_wait(senders[i]);
}

/* All is where it should be; those who were acknowledging may have been late. */
static void check_rest(int fd, bool *there)
{
	struct mboxfs_stat st = t_stat(fd);
	long acked = 0, unsure = 0, here = 0;
	uint32_t i;

	for (i = 0; i < s->next; i++) {
		struct mark *mark = &s->marks[i];

		CHECK(mark->acked <= 1);
		CHECK(!(mark->acked && there[i]));
		acked += mark->acked;
		here += there[i];
		if (!mark->sent || mark->acked || there[i])
			continue;
		if (!mark->acking || !s->killed[mark->holder])
			test_failed(__FILE__, __LINE__, "message %u is lost", i);
		unsure++;
	}
	CHECK_EQ(st.messages, here);
	CHECK_EQ(st.received_total, acked + unsure);
	CHECK_EQ(st.leased_messages + st.leased_bytes, 0);
	CHECK_EQ(st.dead_messages + st.dropped_total + st.purged_total, 0);
	CHECK_EQ(st.readers_waiting + st.writers_waiting, 0);
	/* Packed sending and a late kill leave none half counted. */
	CHECK_EQ(st.sent_total, s->next);
	CHECK(st.returned_total >= s->returned);
	t_sums_add_up(fd);
	printf("# %u sent, given %ld times, %u lives, %ld unsure\n", s->next,
	       s->given, s->lives, unsure);
}

/* Look at what is there, then take it. */
static void drain(int fd)
{
	bool *there = calloc(MOST, sizeof(*there));
	struct content c = { 0 };
	struct mboxfs_msg m = t_msg(&c, sizeof(c), 0);
	struct mboxfs_look l = { .msgs = (uintptr_t)&m, .count = 1,
				 .what = MBOXFS_LOOK_READABLE };
	int n;

	CHECK_EQ(fsync(fd), 0);
	while ((n = ioctl(fd, MBOXFS_IOC_LOOK, &l)) == 1) {
		CHECK_EQ(there[c.number], false);
		there[c.number] = true;
		m = t_msg(&c, sizeof(c), 0);
	}
	CHECK_EQ(n, 0);
	check_rest(fd, there);
	for (;;) {
		m = t_msg(&c, sizeof(c), MBOXFS_NONBLOCK);
		if (ioctl(fd, MBOXFS_IOC_RECV, &m))
			break;
		CHECK(there[c.number]);
		there[c.number] = false;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(t_stat(fd).messages, 0);
	CHECK_EQ(t_get(".", "group_bytes"), 0);
}

static void crash_for(int seconds, int seed)
{
	long long end = t_now_ms() + seconds * 1000LL;
	pid_t senders[SENDERS], workers[WORKERS];
	uint32_t lives[WORKERS];
	int fd, i;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(s != MAP_FAILED);
	fd = t_open("q", O_RDWR);
	t_set("q", "when_read", "lease");
	t_set("q", "max_messages", "100");
	for (i = 0; i < SENDERS; i++) {
		senders[i] = t_fork();
		if (!senders[i]) {
			srandom(seed + i);
			be_sender();
			_exit(0);
		}
	}
	for (i = 0; i < WORKERS; i++)
		workers[i] = begin_life(&lives[i], i % STYLES);
	srandom(seed);
	while (t_now_ms() < end && s->lives + WORKERS < LIVES - 1) {
		usleep(random() % 10000);
		i = random() % WORKERS;
		end_life(workers[i], lives[i]);
		workers[i] = begin_life(&lives[i], random() % STYLES);
	}
	await_senders(senders);
	for (i = 0; i < WORKERS; i++)
		end_life(workers[i], lives[i]);
	drain(fd);
	CHECK(s->given > 100);
	CHECK(s->lives > 2 * WORKERS);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* As an unprivileged user has it, with a mount of his own. */
static void enter_namespace(void)
{
	const char *mnt = "/tmp/lease_crash";

	mkdir(mnt, 0777);
	t_user(1000);
	prctl(PR_SET_DUMPABLE, 1);
	CHECK_EQ(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 1000 1");
	write_file("/proc/self/gid_map", "0 1000 1");
	CHECK_EQ(mount("none", mnt, "mboxfs", 0, ""), 0);
	CHECK_EQ(chdir(mnt), 0);
}

TEST(killed_workers_lose_and_double_nothing)
{
	pid_t inside;

	t_takes(2 * crash_seconds());
	inside = t_fork();
	if (!inside) {
		enter_namespace();
		crash_for(crash_seconds(), 1000);
		exit(0);
	}
	crash_for(crash_seconds(), 1);
	t_wait(inside);
}

/* ---- Leases that end by themselves, while their workers live ---- */

/* Some work longer than they may; what counts is who could acknowledge it. */
static void be_slow_worker(void)
{
	int fd = open("q", O_RDONLY), number;

	for (;;) {
		struct mboxfs_msg m = t_msg(&number, sizeof(number),
					    MBOXFS_LEASE);

		if (ioctl(fd, MBOXFS_IOC_RECV, &m)) {
			CHECK_EQ(errno, ESHUTDOWN);
			_exit(0);
		}
		__atomic_fetch_add(&s->given, 1, __ATOMIC_RELAXED);
		if (random() % 16 == 0)
			usleep(random() % 20000);
		if (random() % 16 == 0)
			t_settle(fd, m.seq, MBOXFS_RETURN);
		else if (t_settle(fd, m.seq, MBOXFS_ACK) == 1)
			acknowledged(number);
		else
			CHECK_EQ(errno, ENOENT);
	}
}

TEST(late_workers_acknowledge_nothing_twice)
{
	int fd = t_open("q", O_RDWR), n = 0, i;
	long long end;

	t_takes(crash_seconds() / 2);
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(s != MAP_FAILED);
	t_set("q", "lease_ms", "10");
	t_set("q", "max_messages", "100");
	for (i = 0; i < WORKERS; i++) {
		if (!t_fork()) {
			srandom(i);
			be_slow_worker();
		}
	}
	end = t_now_ms() + crash_seconds() * 500;
	for (; t_now_ms() < end && n < MOST; n++)
		CHECK_EQ(write(fd, &n, sizeof(n)), sizeof(n));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_wait_all();
	for (i = 0; i < n; i++)
		CHECK_EQ(s->marks[i].acked, 1);
	CHECK_EQ(t_get("q", "received_total"), n);
	CHECK_EQ(t_get("q", "messages") + t_get("q", "leased_messages"), 0);
	printf("# %d sent, given %ld times\n", n, s->given);
	CHECK_EQ(t_get("q", "returned_total"), s->given - n);
}
