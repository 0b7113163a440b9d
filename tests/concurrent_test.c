// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everyone at once, on mailboxes that move between groups with ceilings, for
 * MODEL_SECONDS (20): each message is received exactly once, also of those that
 * were on lease and came back, what one sender sends with one priority is received
 * in order, no ceiling is ever exceeded, and in the end all sums are right.
 * MODEL_SEED says where to begin (1).
 */
#include "test.h"

#define BOXES		6
#define GROUPS		3
#define SENDERS		4
#define RECEIVERS	4
#define PRIORITIES	3
#define MOST		2000000	/* messages of one sender */
#define CEILING		20000
#define BATCH		8

static const char *const groups[GROUPS] = { "a", "a/b", "c" };

/* What a message says, and some bytes more. */
struct content {
	uint32_t sender, box, priority, number;
	uint32_t ordered;	/* not delayed: first in, first out */
	uint32_t nth;		/* of this sender, mailbox and priority */
	char padding[400];
};

#define LEAST	offsetof(struct content, padding)

static struct shared {
	bool over, drain;
	unsigned int sent[SENDERS + 1];
	/* How often each message has been received; and is to be. */
	unsigned char seen[SENDERS + 1][MOST], wanted[SENDERS + 1][MOST];
	/* Whether it has been returned, and has lost its place perhaps. */
	bool returned[SENDERS + 1][MOST];
	long received, returns, moved, refused, samples;
} *s;

static int boxes[BOXES];

static int model_seconds(void)
{
	return atoi(getenv("MODEL_SECONDS") ?: "20");
}

static void fill(struct mboxfs_msg *m, struct content *c)
{
	*m = t_msg(c, LEAST + random() % sizeof(c->padding), 0);
	m->priority = c->priority;
	m->tag = c->number;
	m->timeout_ns = random() % 2 ? random() % 5000000 : 0;
	if (!c->ordered) {
		m->flags = MBOXFS_DELAY;
		m->delay_ns = random() % 3000000;
	}
}

static void check_refusal(void)
{
	CHECK(errno == EAGAIN || errno == ETIMEDOUT || errno == EDQUOT ||
	      errno == ENOSPC || errno == EINTR);
}

/* One message, or several at once: all of one mailbox and priority. */
static void be_sender(int sender)
{
	static unsigned int nth[BOXES][PRIORITIES];
	static struct content c[BATCH];
	struct mboxfs_msg m[BATCH];

	while (!s->over && s->sent[sender] + BATCH < MOST) {
		int box = random() % BOXES, priority = random() % PRIORITIES;
		int i, n = random() % 3 ? 1 : 1 + random() % BATCH, done;
		struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = n,
					  .timeout_ns = random() % 1000000 };

		for (i = 0; i < n; i++) {
			c[i] = (struct content){
				sender, box, priority, s->sent[sender] + i,
				random() % 4 != 0, nth[box][priority] + i
			};
			fill(&m[i], &c[i]);
		}
		if (n == 1)
			done = ioctl(boxes[box], MBOXFS_IOC_SEND, m) ? -1 : 1;
		else
			done = ioctl(boxes[box], MBOXFS_IOC_SEND_BATCH, &b);
		if (done < 0) {
			check_refusal();
			continue;
		}
		CHECK(done <= n);
		for (i = 0; i < done; i++)
			s->wanted[sender][s->sent[sender] + i] = 1;
		s->sent[sender] += done;
		nth[box][priority] += done;
	}
}

/* Copies of one message, as many as there are mailboxes that took it. */
static void be_broadcaster(void)
{
	struct content c = { .sender = SENDERS };
	struct mboxfs_msg m;
	int group, n;

	while (!s->over && s->sent[SENDERS] + 1 < MOST) {
		group = open(groups[random() % GROUPS],
			     O_RDONLY | O_DIRECTORY);
		CHECK(group >= 0);
		c.number = s->sent[SENDERS];
		c.priority = random() % PRIORITIES;
		fill(&m, &c);
		n = ioctl(group, MBOXFS_IOC_BROADCAST, &m);
		CHECK(n >= 0 && n <= BOXES);
		s->wanted[SENDERS][c.number] = n;
		s->sent[SENDERS]++;
		close(group);
		usleep(random() % 2000);
	}
}

static void note_received(const struct content *c)
{
	__atomic_fetch_add(&s->seen[c->sender][c->number], 1,
			   __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->received, 1, __ATOMIC_RELAXED);
}

/* What came to this receiver, on lease or not. */
static void note(int box, const struct content *c, const struct mboxfs_msg *m)
{
	static unsigned int next[SENDERS][BOXES][PRIORITIES];

	CHECK(m->len >= LEAST && m->len <= sizeof(*c));
	CHECK(c->sender <= SENDERS && c->number < MOST);
	CHECK_EQ(m->tag, c->number);
	CHECK_EQ(m->priority, c->priority);
	if (c->sender == SENDERS)
		return;
	CHECK_EQ(c->box, box);
	if (!c->ordered || s->returned[c->sender][c->number])
		return;
	CHECK(c->nth >= next[c->sender][box][c->priority]);
	next[c->sender][box][c->priority] = c->nth + 1;
}

/* Some are acknowledged, the others come back, each in one call. */
static void settle(int box, const struct content *c,
		   const struct mboxfs_msg *m, int n)
{
	uint64_t seqs[BATCH], back[BATCH];
	struct mboxfs_settle ack = { .seqs = (uintptr_t)seqs,
				     .how = MBOXFS_ACK };
	struct mboxfs_settle give = { .seqs = (uintptr_t)back,
				      .how = MBOXFS_RETURN };
	int i;

	if (random() % 2 && !s->drain)
		give.delay_ns = random() % 3000000;
	for (i = 0; i < n; i++) {
		if (random() % 4) {
			seqs[ack.count++] = m[i].seq;
			note_received(&c[i]);
		} else {
			back[give.count++] = m[i].seq;
			s->returned[c[i].sender][c[i].number] = true;
		}
	}
	if (give.count)
		CHECK_EQ(ioctl(boxes[box], MBOXFS_IOC_SETTLE, &give),
			 give.count);
	if (ack.count)
		CHECK_EQ(ioctl(boxes[box], MBOXFS_IOC_SETTLE, &ack),
			 ack.count);
	__atomic_fetch_add(&s->returns, give.count, __ATOMIC_RELAXED);
}

/* Whether there was something. */
static bool receive_some(int box)
{
	static struct content c[BATCH];
	struct mboxfs_msg m[BATCH];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m,
				  .count = 1 + random() % BATCH,
				  .timeout_ns = random() % 1000000 };
	unsigned int flags = random() % 3 ? 0 : MBOXFS_LEASE;
	int i, n;

	for (i = 0; i < BATCH; i++)
		m[i] = t_msg(&c[i], sizeof(c[i]), flags);
	if (random() % 2) {
		n = ioctl(boxes[box], MBOXFS_IOC_RECV_BATCH, &b);
	} else {
		m->timeout_ns = b.timeout_ns;
		n = ioctl(boxes[box], MBOXFS_IOC_RECV, m) ? -1 : 1;
	}
	if (n < 0)
		CHECK(errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR);
	for (i = 0; i < n; i++) {
		note(box, &c[i], &m[i]);
		if (!flags)
			note_received(&c[i]);
	}
	if (flags && n > 0)
		settle(box, c, m, n);
	return n > 0;
}

static void be_receiver(void)
{
	int box;

	while (!s->drain)
		receive_some(random() % BOXES);
	for (box = 0; box < BOXES; box++) {
		CHECK_EQ(fsync(boxes[box]), 0);
		while (receive_some(box))
			;
	}
}

/* A mailbox's place, of which there are twice as many as mailboxes. */
static void place(char *path, size_t size)
{
	snprintf(path, size, "%s/%ld", groups[random() % GROUPS],
		 random() % (2 * BOXES / GROUPS));
}

static void be_mover(void)
{
	char from[32], to[32];
	unsigned int flags;

	while (!s->over) {
		place(from, sizeof(from));
		place(to, sizeof(to));
		flags = random() % 2 ? RENAME_EXCHANGE : RENAME_NOREPLACE;
		if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)) {
			s->moved++;
		} else {
			s->refused += errno == EDQUOT;
			CHECK(errno == EDQUOT || errno == ENOENT ||
			      errno == EEXIST || errno == EINVAL);
		}
		usleep(random() % 300);
	}
}

static void be_sampler(void)
{
	int i;

	while (!s->over) {
		for (i = 0; i < GROUPS; i++)
			CHECK(t_get(groups[i], "group_bytes") <= CEILING);
		CHECK(t_get("a", "group_mailboxes") <= BOXES);
		s->samples++;
	}
}

static pid_t start(void (*role)(void), int seed)
{
	pid_t pid = t_fork();

	if (!pid) {
		srandom(seed);
		role();
		_exit(0);
	}
	return pid;
}

static void start_all(pid_t *receivers)
{
	int seed = atoi(getenv("MODEL_SEED") ?: "1") * 100, i;

	for (i = 0; i < SENDERS; i++) {
		if (t_fork())
			continue;
		srandom(seed + i);
		be_sender(i);
		_exit(0);
	}
	start(be_broadcaster, seed + 50);
	start(be_mover, seed + 51);
	start(be_sampler, seed + 52);
	for (i = 0; i < RECEIVERS; i++)
		receivers[i] = start(be_receiver, seed + 60 + i);
}

static void check_sums(void)
{
	struct mboxfs_stat st;
	long sent = 0, received = 0, returned = 0;
	int i, k;

	for (i = 0; i < BOXES; i++) {
		CHECK_EQ(ioctl(boxes[i], MBOXFS_IOC_STAT, &st), 0);
		CHECK_EQ(st.messages + st.delayed_messages, 0);
		CHECK_EQ(st.bytes + st.delayed_bytes, 0);
		CHECK_EQ(st.readers_waiting + st.writers_waiting, 0);
		CHECK_EQ(st.leased_messages + st.dead_messages, 0);
		CHECK_EQ(st.sent_total, st.received_total);
		returned += st.returned_total;
		sent += st.sent_total;
		received += st.received_total;
	}
	CHECK_EQ(received, s->received);
	CHECK_EQ(returned, s->returns);
	for (i = 0; i <= SENDERS; i++)
		for (k = 0; k < MOST; k++)
			CHECK_EQ(s->seen[i][k], s->wanted[i][k]);
	for (i = 0; i < GROUPS; i++)
		CHECK_EQ(t_get(groups[i], "group_bytes"), 0);
	CHECK_EQ(t_get("a", "group_mailboxes") + t_get("c", "group_mailboxes"),
		 BOXES);
	printf("# %ld sent, %ld returned, %ld moves, %ld refused, %ld samples\n",
	       sent, returned, s->moved, s->refused, s->samples);
}

TEST(each_message_once_in_order_below_all_ceilings)
{
	pid_t receivers[RECEIVERS];
	char path[32];
	int i;

	t_takes(model_seconds());
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(s != MAP_FAILED);
	for (i = 0; i < GROUPS; i++) {
		CHECK_EQ(mkdir(groups[i], 0777), 0);
		t_set(groups[i], "group_max_bytes", "20000");
	}
	t_set("a", "max_messages", "40");
	for (i = 0; i < BOXES; i++) {
		snprintf(path, sizeof(path), "%s/%d", groups[i % GROUPS],
			 i / GROUPS);
		boxes[i] = t_open(path, O_RDWR);
	}
	start_all(receivers);
	t_sleep_ms(model_seconds() * 1000);
	s->over = true;
	/* Those who only receive come last: until there is nothing left. */
	for (i = 0; i < SENDERS + 3; i++) {
		int status;

		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	s->drain = true;
	for (i = 0; i < RECEIVERS; i++)
		t_wait(receivers[i]);
	check_sums();
	CHECK(s->received > t_scaled(1000));
	CHECK(s->returns > t_scaled(100));
	CHECK(s->moved > t_scaled(100));
}
