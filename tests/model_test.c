// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on mailboxes and groups, and on a model of them in plain C
 * that knows no more than the manual says: each result and all counters have
 * to be the same. A sequence that shows a difference is made as short as it
 * can be, and printed.
 *
 * MODEL_SECONDS says how long (40), MODEL_SEED where to begin (1).
 */
#include "test.h"

#include <stdarg.h>

#define BOXES	4
#define GROUPS	3	/* g, g/h and i */
#define NONE	UINT64_MAX

/* ---- The model ---- */

enum { TRUNCATE, KEEP, REFUSE };
enum { BLOCK, FAIL, DROP_OLDEST };

struct limits {
	uint64_t max_size, max_messages, max_bytes, delay, max_attempts;
	int short_read, when_full, eof, idle, drop_dead, read_leases;
};

struct msg {
	struct msg *next;
	uint64_t id, due, seq, tag;
	uint64_t order;		/* of publishing */
	uint64_t death;		/* of dying, as long as it has not lived again */
	uint64_t lease;		/* of going on lease */
	uint32_t len, priority, attempts;
	int holder;		/* which open file has it on lease */
	bool read, gone;	/* by read(); purged since */
};

struct box {
	bool there, stopped;
	int group;
	struct limits limits;
	struct msg *published;	/* in the order of receiving */
	struct msg *delayed;	/* in the order of publishing */
	struct msg *leased;	/* in the order of sending */
	struct msg *dead;	/* in the order of dying */
	struct msg *rest;
	uint32_t offset;
	uint64_t seq, received, dropped, revoked, purged, truncated;
	uint64_t returned, once, orders, deaths, leases;
};

struct group {
	int parent;
	uint64_t max_bytes, max_boxes;
	struct limits limits;
};

static struct box boxes[BOXES];
static struct group groups[GROUPS];
static uint64_t ids, clock_now;

static uint64_t count(const struct msg *m)
{
	uint64_t n = 0;

	for (; m; m = m->next)
		n++;
	return n;
}

static uint64_t bytes(const struct msg *m)
{
	uint64_t n = 0;

	for (; m; m = m->next)
		n += m->len;
	return n;
}

static uint64_t used(const struct box *b)
{
	return bytes(b->published) + bytes(b->delayed) + bytes(b->leased) +
	       bytes(b->dead);
}

static uint64_t held(const struct box *b)
{
	return count(b->published) + count(b->delayed) + count(b->leased) +
	       count(b->dead);
}

static bool below(int group, int above)
{
	for (; group >= 0; group = groups[group].parent)
		if (group == above)
			return true;
	return false;
}

static uint64_t group_bytes(int group)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < BOXES; i++)
		if (boxes[i].there && below(boxes[i].group, group))
			n += used(&boxes[i]);
	return n;
}

static uint64_t group_boxes(int group)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < BOXES; i++)
		n += boxes[i].there && below(boxes[i].group, group);
	return n;
}

/* Whether so much more fits in a group and all above it, but not @common. */
static bool ceiling(int group, int common, int64_t more, int64_t more_boxes)
{
	for (; group != common; group = groups[group].parent) {
		if (more > 0 && groups[group].max_bytes != NONE &&
		    group_bytes(group) + more > groups[group].max_bytes)
			return false;
		if (more_boxes > 0 && groups[group].max_boxes != NONE &&
		    group_boxes(group) + more_boxes > groups[group].max_boxes)
			return false;
	}
	return true;
}

static uint64_t max_length(const struct box *b)
{
	uint64_t n = b->limits.max_size;

	if (b->limits.max_bytes < n)
		n = b->limits.max_bytes;
	return n < MBOXFS_MESSAGE_MAX ? n : MBOXFS_MESSAGE_MAX;
}

static bool fits(const struct box *b, uint64_t messages, uint64_t sum,
		 uint64_t len)
{
	return messages < b->limits.max_messages && len <= b->limits.max_bytes &&
	       sum <= b->limits.max_bytes - len;
}

static bool fits_now(const struct box *b, uint64_t len)
{
	return fits(b, held(b), used(b), len);
}

static void insert(struct msg **p, struct msg *m)
{
	m->next = *p;
	*p = m;
}

/* What comes back is before what has been published later. */
static void publish_again(struct box *b, struct msg *m)
{
	struct msg **p = &b->published;

	while (*p && ((*p)->priority > m->priority ||
		      ((*p)->priority == m->priority &&
		       (*p)->order < m->order)))
		p = &(*p)->next;
	m->death = 0;
	insert(p, m);
}

static void publish(struct box *b, struct msg *m)
{
	m->order = ++b->orders;
	publish_again(b, m);
}

static void delay_it(struct box *b, struct msg *m, uint64_t delay)
{
	struct msg **p = &b->delayed;

	m->due = delay + clock_now;
	while (*p && ((*p)->due < m->due ||
		      ((*p)->due == m->due && (*p)->seq < m->seq)))
		p = &(*p)->next;
	m->death = 0;
	insert(p, m);
}

/* One that has been dead before gets its old place. */
static void die(struct box *b, struct msg *m)
{
	struct msg **p = &b->dead;

	if (b->limits.drop_dead) {
		b->dropped++;
		return;
	}
	if (!m->death)
		m->death = ++b->deaths;
	while (*p && (*p)->death < m->death)
		p = &(*p)->next;
	insert(p, m);
}

/* A message leaves its list, and goes on lease. */
static struct msg *lease(struct box *b, struct msg **from, int holder, bool read)
{
	struct msg *m = *from, **p = &b->leased;

	*from = m->next;
	m->attempts++;
	m->holder = holder;
	m->read = read;
	m->lease = ++b->leases;
	while (*p && (*p)->seq < m->seq)
		p = &(*p)->next;
	insert(p, m);
	return m;
}

static void settle(struct box *b, struct msg **p, int how, uint64_t delay)
{
	struct msg *m = *p;

	if (how == MBOXFS_TOUCH)
		return;
	*p = m->next;
	if (how == MBOXFS_ACK) {
		b->received++;
	} else if (m->gone) {
		b->purged++;
	} else if (how == MBOXFS_BURY || (b->limits.max_attempts &&
		   m->attempts >= b->limits.max_attempts)) {
		die(b, m);
	} else {
		b->returned++;
		if (delay)
			delay_it(b, m, delay);
		else
			publish_again(b, m);
	}
}

/* The leases of an open file end by themselves, in their order. */
static void end_leases(struct box *b, int holder)
{
	struct msg **p, **first;

	do {
		first = NULL;
		for (p = &b->leased; *p; p = &(*p)->next)
			if ((*p)->holder == holder &&
			    (!first || (*p)->lease < (*first)->lease))
				first = p;
		if (first)
			settle(b, first, (*first)->death ? MBOXFS_BURY :
							   MBOXFS_RETURN, 0);
	} while (first);
}

/* What has been read to its end is received. */
static void read_on(struct box *b)
{
	struct msg **p = &b->leased;

	while (*p) {
		if ((*p)->read && *p != b->rest)
			settle(b, p, MBOXFS_ACK, 0);
		else
			p = &(*p)->next;
	}
}

/* The first of the dead, or the oldest of the lowest priority. */
static struct msg **worst(struct box *b)
{
	struct msg **p = &b->published, **found = p;

	if (b->dead)
		return &b->dead;
	for (; *p; p = &(*p)->next)
		if ((*p)->priority < (*found)->priority)
			found = p;
	return found;
}

static int drop_oldest(struct box *b, uint32_t len, uint32_t priority)
{
	uint64_t stay = count(b->delayed) + count(b->leased);
	uint64_t stay_bytes = bytes(b->delayed) + bytes(b->leased);
	uint64_t messages = held(b), gone = 0;
	struct msg *m, **w, *copy = NULL, **end = &copy;
	struct box trial = *b;

	for (m = b->published; m; m = m->next) {
		if (m->priority > priority) {
			stay++;
			stay_bytes += m->len;
		}
	}
	if (!fits(b, stay, stay_bytes, len))
		return -ENOSPC;
	/* What would go, tried on a copy. */
	for (m = b->published; m; m = m->next) {
		*end = memcpy(malloc(sizeof(*m)), m, sizeof(*m));
		end = &(*end)->next;
	}
	trial.published = copy;
	while (!fits(b, messages, used(b) - gone, len)) {
		w = worst(&trial);
		gone += (*w)->len;
		messages--;
		*w = (*w)->next;
	}
	if (len && !ceiling(b->group, -1, len, 0) && gone < len &&
	    !ceiling(b->group, -1, (int64_t)len - (int64_t)gone, 0))
		return -EDQUOT;
	while (!fits_now(b, len)) {
		w = worst(b);
		*w = (*w)->next;
		b->dropped++;
	}
	return 0;
}

static int model_send(struct box *b, uint32_t len, uint32_t priority,
		      uint64_t tag, uint64_t delay)
{
	struct msg *m;
	int err;

	if (len > max_length(b))
		return -EMSGSIZE;
	if (b->stopped)
		return -ESHUTDOWN;
	if (fits_now(b, len)) {
		if (len && !ceiling(b->group, -1, len, 0))
			return -EDQUOT;
	} else if (b->limits.when_full == FAIL) {
		return -ENOSPC;
	} else if (b->limits.when_full == DROP_OLDEST) {
		err = drop_oldest(b, len, priority);
		if (err)
			return err;
	} else {
		return -EAGAIN;
	}
	m = calloc(1, sizeof(*m));
	m->id = ++ids;
	m->len = len;
	m->priority = priority;
	m->tag = tag;
	m->seq = ++b->seq;
	if (delay == NONE)
		delay = b->limits.delay;
	clock_now++;
	if (delay)
		delay_it(b, m, delay);
	else
		publish(b, m);
	return 0;
}

static void model_flush(struct box *b)
{
	while (b->delayed) {
		struct msg *m = b->delayed;

		b->delayed = m->next;
		publish(b, m);
	}
}

static int model_revoke(struct box *b)
{
	int n = count(b->delayed);

	b->delayed = NULL;
	b->revoked += n;
	return n;
}

static int model_purge(struct box *b)
{
	int n = count(b->published) + count(b->delayed) + count(b->dead);
	struct msg *m;

	b->published = NULL;
	b->delayed = NULL;
	b->dead = NULL;
	b->purged += n;
	for (m = b->leased; m; m = m->next)
		m->gone = true;
	return n;
}

static int model_kick(struct box *b)
{
	struct msg *m, *dead = b->dead;
	int n = count(dead);

	b->dead = NULL;
	while ((m = dead)) {
		dead = m->next;
		m->attempts = 0;
		publish(b, m);
	}
	return n;
}

/* Take back by number, or by tag. */
static int model_cancel(struct box *b, uint64_t number, bool by_tag)
{
	struct msg **lists[] = { &b->published, &b->delayed }, **p;
	int i, n = 0;

	for (i = 0; i < 2; i++) {
		for (p = lists[i]; *p; ) {
			if ((by_tag ? (*p)->tag : (*p)->seq) != number) {
				p = &(*p)->next;
				continue;
			}
			*p = (*p)->next;
			n++;
		}
	}
	b->revoked += n;
	return n;
}

static bool over(const struct box *b)
{
	return b->stopped && !b->delayed && !b->leased;
}

/* The message that a reader would get, by tag unless that is 0. */
static struct msg **model_next(struct box *b, uint64_t tag, bool dead)
{
	struct msg **p = dead ? &b->dead : &b->published;

	while (*p && tag && (*p)->tag != tag)
		p = &(*p)->next;
	return *p ? p : NULL;
}

/* ---- Both at once ---- */

/* Each mailbox is open twice; the second file only takes on lease. */
static int fds[BOXES], seconds[BOXES];
static char *log_text;
static size_t log_len;
static bool differs;

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (log_text)
		log_len += vsnprintf(log_text + log_len, 65536 - log_len % 65536,
				     format, args);
	va_end(args);
	if (log_len > 60000)
		log_len = 60000;
}

static void same(const char *what, long long is, long long model)
{
	if (is == model || differs)
		return;
	say("  DIFFERS: %s is %lld, the model says %lld\n", what, is, model);
	differs = true;
}

static const char *group_name(int g)
{
	static const char *const names[] = { "g", "g/h", "i" };

	return names[g];
}

static const char *box_name(int i)
{
	static char name[2][16];
	static int turn;

	turn = !turn;
	snprintf(name[turn], 16, "%s/%d", group_name(boxes[i].group), i);
	return name[turn];
}

static unsigned char byte_of(uint64_t id, uint32_t i)
{
	return id * 31 + i * 7;
}

/* The result of a call: what it returned, or minus the error. */
static long long result(long long ret)
{
	return ret < 0 ? -errno : ret;
}

static void set(const char *name, const char *attribute, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu",
		 value == NONE ? 0ULL : (unsigned long long)value);
	same(attribute, result(t_try_set(name, attribute, text)), 0);
}

struct op {
	unsigned char kind, box, a, b, c, d;
};

static char buffer[8192];

/* As what the model has sent with the id that is next. */
static void fill(uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		buffer[i] = byte_of(ids + 1, i);
}

static void check_bytes(const struct msg *m, uint32_t from, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)buffer[i] != byte_of(m->id, from + i))
			break;
	same("bytes that are right", i, n);
}

static uint32_t length(const struct op *op)
{
	static const uint32_t lengths[] = { 0, 1, 2, 7, 40, 64, 100, 500, 3000,
					    4090, 5000 };

	return lengths[op->a % 11];
}

static uint64_t delay_of(int n)
{
	return n % 4 == 1 ? 3600000 : n % 4 == 2 ? 7200000 : 0;
}

static void do_write(struct box *b, int fd, const struct op *op)
{
	uint32_t len = length(op);
	int err;

	fill(len);
	say("write %u bytes", len);
	err = len ? model_send(b, len, 0, 0, NONE) : 0;
	same("write", result(write(fd, buffer, len)),
	     err ? err : (int)len);
}

static void do_send(struct box *b, int fd, const struct op *op)
{
	struct mboxfs_msg m = t_msg(buffer, length(op),
				    MBOXFS_NONBLOCK | MBOXFS_SEQ);
	uint64_t delay = NONE;
	long long ret;

	m.priority = op->b % 4 ? op->b % 3 : 0;
	m.tag = op->c % 4;
	if (op->d % 3 == 0) {
		delay = delay_of(op->d / 3);
		m.flags |= MBOXFS_DELAY;
		m.delay_ns = delay * 1000000;
	}
	fill(m.len);
	say("send %u bytes, priority %u, tag %llu, delay %lld", m.len,
	    m.priority, m.tag, (long long)delay);
	ret = result(ioctl(fd, MBOXFS_IOC_SEND, &m));
	same("send", ret, model_send(b, m.len, m.priority, m.tag, delay));
	if (!ret)
		same("send's seq", m.seq, b->seq);
}

/* Numbers that grow, but not always. */
static void do_once(struct box *b, int fd, const struct op *op)
{
	struct mboxfs_msg m = t_msg(buffer, length(op),
				    MBOXFS_NONBLOCK | MBOXFS_ONCE);
	bool fits = m.len <= max_length(b) && !b->stopped && fits_now(b, m.len);
	long long ret;

	m.tag = b->once + op->c % 3;
	if (op->d % 8 == 0)
		m.flags |= MBOXFS_RESTORE; /* then nothing is sent */
	fill(m.len);
	say("once %llu with %u bytes, flags %#x", m.tag, m.len, m.flags);
	ret = result(ioctl(fd, MBOXFS_IOC_SEND, &m));
	if (m.flags & MBOXFS_RESTORE) {
		same("restoring once", ret, 0);
		b->once = m.tag;
	} else if (m.tag > b->once) {
		same("once", ret, model_send(b, m.len, 0, m.tag, NONE));
		if (!ret)
			b->once = m.tag;
	} else if (fits && ceiling(b->group, -1, m.len, 0)) {
		same("once more", ret, -EEXIST);
	} else {
		same("once more, an error", ret < 0, 1);
	}
}

/* As it was once, with attempts, or dead. */
static void do_restore(struct box *b, int fd, const struct op *op)
{
	struct mboxfs_msg m = t_msg(buffer, length(op), MBOXFS_RESTORE);
	uint64_t delay = op->d % 3 ? 0 : delay_of(op->d / 3);
	bool dead = op->d % 4 == 0 && !b->limits.drop_dead && !delay;
	struct msg **p;
	int err;

	m.attempts = op->b / 2 % 4;
	m.priority = op->c % 3;
	m.flags |= (dead ? MBOXFS_IS_DEAD : 0) | (delay ? MBOXFS_DELAY : 0);
	m.delay_ns = delay * 1000000;
	fill(m.len);
	say("restore %u bytes, priority %u, attempts %u, flags %#x", m.len,
	    m.priority, m.attempts, m.flags);
	err = model_send(b, m.len, m.priority, 0, delay);
	same("restore", result(ioctl(fd, MBOXFS_IOC_SEND, &m)), err);
	if (err)
		return;
	for (p = delay ? &b->delayed : &b->published; (*p)->seq != b->seq; )
		p = &(*p)->next;
	(*p)->attempts = m.attempts;
	if (dead) {
		struct msg *msg = *p;

		*p = msg->next;
		die(b, msg);
	}
}

static void do_batch(struct box *b, int fd, const struct op *op)
{
	struct mboxfs_msg m[4];
	static char data[4][128];
	struct mboxfs_batch batch = {
		.msgs = (uintptr_t)m, .count = 1 + op->a % 4,
		.flags = MBOXFS_NONBLOCK,
	};
	uint32_t k, i, len = op->b % 100;
	long long ret;
	int err = 0;

	/* What one message drops may be room for the next, at any ceiling. */
	if (b->limits.when_full == DROP_OLDEST && !ceiling(b->group, -1, 1, 0))
		batch.count = 1;
	for (k = 0; k < batch.count; k++) {
		for (i = 0; i < len; i++)
			data[k][i] = byte_of(ids + 1 + k, i);
		m[k] = t_msg(data[k], len, 0);
		m[k].priority = op->c % 3;
	}
	say("send a batch of %u of %u bytes, priority %d", batch.count, len,
	    op->c % 3);
	ret = result(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &batch));
	for (k = 0; k < batch.count && !err; k++)
		err = model_send(b, len, op->c % 3, 0, NONE);
	/* What came before the error is there. */
	same("batch", ret, err ? (k > 1 ? (int)k - 1 : err) : (int)k);
}

/* A message that has been taken. */
static struct msg *take(struct box *b, struct msg **p)
{
	struct msg *m = *p;

	*p = m->next;
	b->received++;
	return m;
}

static void do_read(struct box *b, int fd, const struct op *op)
{
	uint32_t room = 1 + op->a % 3 * 40 + (op->a % 7 == 0 ? 6000 : 0), n;
	long long ret = result(read(fd, buffer, room));
	struct msg **p, *m;

	say("read with room for %u", room);
	if (b->rest) {
		m = b->rest;
		n = m->len - b->offset < room ? m->len - b->offset : room;
		same("read of a rest", ret, n);
		check_bytes(m, b->offset, n);
		b->offset += n;
		if (b->offset == m->len)
			b->rest = NULL;
		return;
	}
	read_on(b);
	while ((p = model_next(b, 0, false)) && !(*p)->len)
		take(b, p);
	if (!p) {
		same("read of nothing", ret,
		     over(b) || b->limits.eof ? 0 : -EAGAIN);
		return;
	}
	if (b->limits.short_read == REFUSE && (*p)->len > room) {
		same("read", ret, -EMSGSIZE);
		return;
	}
	m = b->limits.read_leases ? lease(b, p, 0, true) : take(b, p);
	n = m->len < room ? m->len : room;
	same("read", ret, n);
	check_bytes(m, 0, n);
	if (b->limits.short_read == KEEP && n < m->len) {
		b->rest = m;
		b->offset = n;
	} else {
		b->truncated += n < m->len;
	}
}

static void do_recv(struct box *b, int fd, int second, const struct op *op)
{
	uint32_t room = op->a % 2 ? 6000 : op->b % 100;
	struct mboxfs_msg m = t_msg(buffer, room, MBOXFS_NONBLOCK);
	bool peek = op->c % 3 == 0, leases = op->c % 3 == 1, stays;
	bool dead = op->b % 5 == 0;
	struct msg **p, *msg;
	long long ret;

	if (op->d % 3 == 0) {
		m.flags |= MBOXFS_TAGGED;
		m.tag = 1 + op->d % 3;
	}
	if (op->d % 5 == 0) {
		m.flags |= MBOXFS_FROM;
		m.pid = op->d % 2 ? 1 : getpid();
	}
	if (peek)
		m.flags |= MBOXFS_PEEK;
	if (leases)
		m.flags |= MBOXFS_LEASE;
	if (dead)
		m.flags |= MBOXFS_DEAD;
	say("recv with room for %u, flags %#x, tag %llu", room, m.flags, m.tag);
	ret = result(ioctl(leases ? second : fd, MBOXFS_IOC_RECV, &m));
	p = model_next(b, m.flags & MBOXFS_TAGGED ? 1 + op->d % 3 : 0, dead);
	if ((m.flags & MBOXFS_FROM) && op->d % 2)
		p = NULL;
	if (!p) {
		same("recv of nothing", ret,
		     over(b) && !dead ? -ESHUTDOWN : -EAGAIN);
		return;
	}
	msg = *p;
	stays = b->limits.short_read != TRUNCATE && msg->len > room;
	same("recv", ret, stays ? -EMSGSIZE : 0);
	same("recv's length", m.len, msg->len);
	if (stays)
		return;
	same("recv's tag", m.tag, msg->tag);
	same("recv's priority", m.priority, msg->priority);
	same("recv's seq", m.seq, msg->seq);
	same("recv's pid", m.pid, getpid());
	same("recv's TRUNC", !!(m.flags & MBOXFS_TRUNC), msg->len > room);
	check_bytes(msg, 0, msg->len < room ? msg->len : room);
	if (!peek)
		b->truncated += msg->len > room;
	if (leases)
		lease(b, p, 1, false);
	else if (!peek)
		take(b, p);
	if (leases)
		same("recv's attempts", m.attempts, msg->attempts);
}

static void do_recv_batch(struct box *b, int fd, int second,
			  const struct op *op)
{
	static char data[4][6000];
	struct mboxfs_msg m[4];
	struct mboxfs_batch batch = {
		.msgs = (uintptr_t)m, .count = 1 + op->a % 4,
		.flags = MBOXFS_NONBLOCK,
	};
	bool leases = op->b % 2, dead = op->c % 4 == 0;
	struct msg **p;
	long long ret;
	uint32_t k;

	for (k = 0; k < batch.count; k++)
		m[k] = t_msg(data[k], 6000, 0);
	batch.flags |= (leases ? MBOXFS_LEASE : 0) | (dead ? MBOXFS_DEAD : 0);
	say("receive a batch of %u, flags %#x", batch.count, batch.flags);
	ret = result(ioctl(leases ? second : fd, MBOXFS_IOC_RECV_BATCH,
			   &batch));
	for (k = 0; k < batch.count && (p = model_next(b, 0, dead)); k++) {
		same("length in a batch", m[k].len, (*p)->len);
		memcpy(buffer, data[k], (*p)->len);
		check_bytes(*p, 0, (*p)->len);
		if (leases)
			lease(b, p, 1, false);
		else
			take(b, p);
	}
	same("batch", ret, k ? (int)k :
	     over(b) && !dead ? -ESHUTDOWN : -EAGAIN);
}

/* One of those on lease, by chance; not one that is read in part. */
static uint64_t some_lease(struct box *b, int nth)
{
	struct msg *m = b->leased;

	for (; m && nth % 4; nth--)
		m = m->next;
	return m && m != b->rest ? m->seq : 1000000;
}

/* Up to three of them, some of which are not there, or another file's. */
static void do_settle(struct box *b, int i, const struct op *op)
{
	uint64_t seqs[3] = { some_lease(b, op->b), some_lease(b, op->b / 4),
			     some_lease(b, op->b / 16) };
	struct mboxfs_settle s = { .seqs = (uintptr_t)seqs,
				   .count = 1 + op->a % 3, .how = op->c % 4 };
	int file = op->d % 8 != 0, k, n = 0;
	struct msg **p;
	long long ret;

	if (s.how == MBOXFS_RETURN)
		s.delay_ns = delay_of(op->d / 8) * 1000000;
	say("settle %llu %llu %llu (%u) of file %d: %u, delay %llu", seqs[0],
	    seqs[1], seqs[2], s.count, file, s.how, s.delay_ns / 1000000);
	ret = result(ioctl(file ? seconds[i] : fds[i], MBOXFS_IOC_SETTLE, &s));
	clock_now++;
	for (k = 0; k < s.count; k++) {
		for (p = &b->leased; *p && (*p)->seq != seqs[k]; )
			p = &(*p)->next;
		if (!*p || (*p)->holder != file)
			continue;
		settle(b, p, s.how, s.delay_ns / 1000000);
		n++;
	}
	same("settle", ret, n ? n : -ENOENT);
}

static void do_cancel(struct box *b, int fd, const struct op *op)
{
	uint64_t numbers[2] = { op->b % 4, op->c % 4 };
	struct mboxfs_settle s = { .seqs = (uintptr_t)numbers,
				   .count = 1 + op->a % 2, .how = op->d % 2 };
	int k, n = 0;

	if (s.how == MBOXFS_BY_SEQ) {
		numbers[0] = b->seq - op->b % 8;
		numbers[1] = b->seq - op->c % 8;
	}
	say("cancel %llu %llu (%u) by %u", numbers[0], numbers[1], s.count,
	    s.how);
	for (k = 0; k < s.count; k++)
		n += model_cancel(b, numbers[k], s.how);
	same("cancel", result(ioctl(fd, MBOXFS_IOC_CANCEL, &s)),
	     n ? n : -ENOENT);
}

/* The second file, or both: what they have on lease comes back. */
static void do_close(struct box *b, int i, const struct op *op)
{
	say("close file 1");
	close(seconds[i]);
	seconds[i] = open(box_name(i), O_RDWR | O_NONBLOCK);
	CHECK(seconds[i] >= 0);
	end_leases(b, 1);
	if (op->a % 2)
		return;
	say(" and 0");
	close(fds[i]);
	fds[i] = open(box_name(i), O_RDWR | O_NONBLOCK);
	CHECK(fds[i] >= 0);
	if (b->rest && !b->rest->read)
		b->truncated++;
	b->rest = NULL;
	end_leases(b, 0);
}

static void do_limit(struct box *b, int i, const struct op *op)
{
	static const uint64_t sizes[] = { 4096, 65536, 50, NONE };
	static const uint64_t messages[] = { 1, 3, 10, NONE };
	static const uint64_t sums[] = { 100, 5000, 20000, NONE };
	static const char *const short_reads[] = { "truncate", "keep",
						   "refuse" };
	static const char *const when_fulls[] = { "block", "fail",
						  "drop_oldest" };
	const char *name = box_name(i);

	say("set limit %d to %d", op->a % 10, op->b % 12);
	switch (op->a % 10) {
	case 0:
		b->limits.max_size = sizes[op->b % 4];
		set(name, "max_message_size", b->limits.max_size);
		if (b->limits.max_size == NONE)
			b->limits.max_size = MBOXFS_MESSAGE_MAX;
		break;
	case 1:
		b->limits.max_messages = messages[op->b % 4];
		set(name, "max_messages", b->limits.max_messages);
		break;
	case 2:
		b->limits.max_bytes = sums[op->b % 4];
		set(name, "max_bytes", b->limits.max_bytes);
		break;
	case 3:
		b->limits.short_read = op->b % 3;
		t_set(name, "short_read", short_reads[op->b % 3]);
		break;
	case 4:
		b->limits.when_full = op->b % 3;
		t_set(name, "when_full", when_fulls[op->b % 3]);
		break;
	case 5:
		b->limits.eof = op->b % 2;
		t_set(name, "when_empty", op->b % 2 ? "eof" : "block");
		break;
	case 6:
		b->limits.max_attempts = op->b % 4;
		set(name, "max_attempts", b->limits.max_attempts);
		break;
	case 7:
		b->limits.drop_dead = op->b % 4 == 0;
		t_set(name, "when_dead", op->b % 4 ? "keep" : "drop");
		break;
	case 8:
		b->limits.read_leases = op->b % 2;
		t_set(name, "when_read", op->b % 2 ? "lease" : "receive");
		break;
	default:
		b->limits.delay = delay_of(op->b);
		set(name, "send_delay_ms", b->limits.delay);
	}
}

/* The first group above both, or -1. */
static int common_group(int a, int b)
{
	for (; a >= 0; a = groups[a].parent)
		if (below(b, a))
			return a;
	return -1;
}

static void do_rename(struct box *b, int i, const struct op *op)
{
	int to = op->a % GROUPS, err = 0, common;
	char name[16], old[16];

	snprintf(old, sizeof(old), "%s", box_name(i));
	snprintf(name, sizeof(name), "%s/%d", group_name(to), i);
	say("rename to %s", name);
	common = common_group(b->group, to);
	if (to != b->group && !ceiling(to, common, used(b), 1))
		err = EDQUOT;
	same("rename", result(rename(old, name)), -err);
	if (!err)
		b->group = to;
}

static void do_exchange(struct box *b, int i, const struct op *op)
{
	int k = op->a % BOXES, err = 0, common, from = b->group, to;
	struct box *other = &boxes[k];
	char name[2][16], temp[16];

	to = other->group;
	if (k == i || !other->there)
		return;
	common = common_group(from, to);
	say("exchange groups with %d", k);
	if (!ceiling(to, common, (int64_t)(used(b) - used(other)), 0) ||
	    !ceiling(from, common, (int64_t)(used(other) - used(b)), 0))
		err = EDQUOT;
	snprintf(name[0], 16, "%s", box_name(i));
	snprintf(name[1], 16, "%s", box_name(k));
	same("exchange", result(renameat2(AT_FDCWD, name[0], AT_FDCWD, name[1],
					  2)), -err);
	if (err)
		return;
	b->group = to;
	other->group = from;
	/* Names are by number: give each its own again. */
	if (from == to) {
		snprintf(temp, sizeof(temp), "%s/t", group_name(to));
		same("rename", rename(name[0], temp), 0);
		same("rename", rename(name[1], name[0]), 0);
		same("rename", rename(temp, name[1]), 0);
		return;
	}
	same("rename", rename(name[1], box_name(i)), 0);
	same("rename", rename(name[0], box_name(k)), 0);
}

static void do_make(struct box *b, int i, const struct op *op)
{
	int group = op->a % GROUPS, err;

	if (b->there) {
		say("unlink");
		same("unlink", unlink(box_name(i)), 0);
		close(fds[i]);
		close(seconds[i]);
		*b = (struct box){};
		return;
	}
	b->group = group;
	say("create in %s", group_name(group));
	err = ceiling(group, -1, 0, 1) ? 0 : EDQUOT;
	fds[i] = open(box_name(i), O_RDWR | O_CREAT | O_NONBLOCK, 0600);
	same("create", result(fds[i] < 0 ? -1 : 0), -err);
	if (!err)
		seconds[i] = open(box_name(i), O_RDWR | O_NONBLOCK);
	*b = (struct box){ .there = !err, .group = group,
			   .limits = groups[group].limits };
}

static void do_ceiling(const struct op *op)
{
	static const uint64_t sums[] = { 200, 6000, 12000, NONE };
	static const uint64_t numbers[] = { 1, 2, 3, NONE };
	struct group *g = &groups[op->a % GROUPS];

	say("set %s of %s to %lld", op->b % 2 ? "bytes" : "mailboxes",
	    group_name(op->a % GROUPS),
	    (long long)(op->b % 2 ? sums : numbers)[op->c % 4]);
	if (op->b % 2) {
		g->max_bytes = sums[op->c % 4];
		set(group_name(op->a % GROUPS), "group_max_bytes",
		    g->max_bytes);
	} else {
		g->max_boxes = numbers[op->c % 4];
		set(group_name(op->a % GROUPS), "group_max_mailboxes",
		    g->max_boxes);
	}
}

static void do_inherit(const struct op *op)
{
	struct group *g = &groups[op->a % GROUPS];

	say("set max_messages of %s to %d", group_name(op->a % GROUPS),
	    1 + op->b % 5);
	g->limits.max_messages = 1 + op->b % 5;
	set(group_name(op->a % GROUPS), "max_messages", g->limits.max_messages);
}

static void do_group_call(const struct op *op)
{
	int g = op->a % GROUPS, i, n = 0, fd;

	fd = open(group_name(g), O_RDONLY | O_DIRECTORY);
	say("call %d of %s", op->b % 4, group_name(g));
	for (i = 0; i < BOXES; i++) {
		struct box *b = &boxes[i];

		if (!b->there || !below(b->group, g))
			continue;
		if (op->b % 4 == 0)
			model_flush(b);
		else if (op->b % 4 == 1)
			n += model_revoke(b);
		else
			b->stopped = op->b % 4 == 2;
	}
	switch (op->b % 4) {
	case 0:
		same("fsync", result(fsync(fd)), 0);
		break;
	case 1:
		same("revoke", result(ioctl(fd, MBOXFS_IOC_REVOKE)), n);
		break;
	case 2:
		same("stop", result(ioctl(fd, MBOXFS_IOC_STOP)), 0);
		break;
	default:
		same("start", result(ioctl(fd, MBOXFS_IOC_START)), 0);
	}
	close(fd);
}

/* All get the same bytes: each box's model message has the same id. */
static void do_broadcast(const struct op *op)
{
	int g = op->a % GROUPS, i, n = 0, fd;
	struct mboxfs_msg m = t_msg(buffer, length(op), 0);
	uint64_t id = ids;

	m.priority = op->c % 3;
	fill(m.len);
	say("broadcast %u bytes in %s, priority %u", m.len, group_name(g),
	    m.priority);
	fd = open(group_name(g), O_RDONLY | O_DIRECTORY);
	/* In the order in which they are there, which matters at a ceiling. */
	if (groups[g].max_bytes != NONE || (g == 1 && groups[0].max_bytes != NONE)) {
		close(fd);
		return;
	}
	for (i = 0; i < BOXES; i++) {
		struct box *b = &boxes[i];

		if (!b->there || b->group != g)
			continue;
		ids = id;
		n += !model_send(b, m.len, m.priority, 0, NONE);
	}
	ids = id + 1;
	same("broadcast", result(ioctl(fd, MBOXFS_IOC_BROADCAST, &m)), n);
	close(fd);
}

static bool reads_on_lease(const struct box *b)
{
	const struct msg *m = b->leased;

	while (m && !m->read)
		m = m->next;
	return m;
}

static void do_call(struct box *b, int fd, const struct op *op)
{
	switch (op->a % 8) {
	case 0:
		say("fsync");
		/* Of a file that has read on lease it is that, and no more. */
		if (reads_on_lease(b))
			read_on(b);
		else
			model_flush(b);
		same("fsync", result(fsync(fd)), 0);
		break;
	case 1:
		say("revoke");
		same("revoke", result(ioctl(fd, MBOXFS_IOC_REVOKE)),
		     model_revoke(b));
		break;
	case 2:
		say("purge");
		same("purge", result(ioctl(fd, MBOXFS_IOC_PURGE)),
		     model_purge(b));
		break;
	case 3:
		say("truncate");
		model_purge(b);
		same("truncate", result(ftruncate(fd, 0)), 0);
		break;
	case 4:
		say("stop");
		b->stopped = true;
		same("stop", result(ioctl(fd, MBOXFS_IOC_STOP)), 0);
		break;
	case 5:
		say("kick");
		same("kick", result(ioctl(fd, MBOXFS_IOC_KICK)), model_kick(b));
		break;
	default:
		say("start");
		b->stopped = false;
		same("start", result(ioctl(fd, MBOXFS_IOC_START)), 0);
	}
}

/* All that is there, as LOOK shows it. */
static void look_at(struct box *b, int fd)
{
	struct msg *lists[] = { b->published, b->delayed, b->leased, b->dead };
	static const unsigned int states[] = { 0, MBOXFS_IS_DELAYED,
					       MBOXFS_IS_LEASED,
					       MBOXFS_IS_DEAD };
	struct mboxfs_msg m[7];
	struct mboxfs_look l = { .msgs = (uintptr_t)m, .count = 7, .what = 15 };
	int k = 0, n = 0, i;
	struct msg *msg;

	for (i = 0; i < 4; i++) {
		for (msg = lists[i]; msg && !differs; msg = msg->next, k++) {
			if (k == n) {
				memset(m, 0, sizeof(m));
				n = ioctl(fd, MBOXFS_IOC_LOOK, &l);
				same("more to look at", n > 0, 1);
				k = 0;
			}
			same("seq of a look", m[k].seq, msg->seq);
			same("state of a look", m[k].flags & 7 << 16,
			     states[i]);
			same("length of a look", m[k].len, msg->len);
			same("tag of a look", m[k].tag, msg->tag);
			same("priority of a look", m[k].priority, msg->priority);
			same("attempts of a look", m[k].attempts, msg->attempts);
		}
	}
	if (differs)
		return;
	memset(m, 0, sizeof(m));
	same("nothing more in a look", k == n, 1);
	same("end of a look", ioctl(fd, MBOXFS_IOC_LOOK, &l), 0);
}

static void compare(int looked)
{
	int i;

	for (i = 0; i < BOXES && !differs; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN | POLLOUT };
		struct box *b = &boxes[i];
		struct mboxfs_stat s;
		bool out;

		if (!b->there)
			continue;
		CHECK_EQ(ioctl(fds[i], MBOXFS_IOC_STAT, &s), 0);
		same("messages", s.messages, count(b->published));
		same("bytes", s.bytes, bytes(b->published));
		same("delayed_messages", s.delayed_messages, count(b->delayed));
		same("delayed_bytes", s.delayed_bytes, bytes(b->delayed));
		same("next_size", s.next_size,
		     b->published ? b->published->len : 0);
		same("sent_total", s.sent_total, b->seq);
		same("received_total", s.received_total, b->received);
		same("dropped_total", s.dropped_total, b->dropped);
		same("revoked_total", s.revoked_total, b->revoked);
		same("purged_total", s.purged_total, b->purged);
		same("truncated_total", s.truncated_total, b->truncated);
		same("leased_messages", s.leased_messages, count(b->leased));
		same("leased_bytes", s.leased_bytes, bytes(b->leased));
		same("dead_messages", s.dead_messages, count(b->dead));
		same("dead_bytes", s.dead_bytes, bytes(b->dead));
		same("returned_total", s.returned_total, b->returned);
		same("once_tag", s.once_tag, b->once);
		same("stopped", s.stopped, b->stopped);
		if (i == looked)
			look_at(b, fds[i]);
		CHECK(poll(&p, 1, 0) >= 0);
		out = b->limits.when_full == DROP_OLDEST ||
		      fits_now(b, max_length(b));
		same("POLLIN", !!(p.revents & POLLIN),
		     b->published || b->rest || over(b));
		same("POLLOUT", !!(p.revents & POLLOUT), out);
		same("POLLHUP", !!(p.revents & POLLHUP), b->stopped);
	}
	for (i = 0; i < GROUPS && !differs; i++) {
		same("group_bytes", t_get(group_name(i), "group_bytes"),
		     group_bytes(i));
		same("group_mailboxes", t_get(group_name(i), "group_mailboxes"),
		     group_boxes(i));
	}
}

static void one_op(const struct op *op)
{
	int i = op->box % BOXES;
	struct box *b = &boxes[i];

	say("%d: ", i);
	if (op->kind % 42 == 41 || (!b->there && op->kind % 4 == 3)) {
		do_make(b, i, op);
	} else if (op->kind % 42 == 40) {
		do_ceiling(op);
	} else if (op->kind % 42 == 39) {
		do_inherit(op);
	} else if (op->kind % 42 == 38) {
		do_group_call(op);
	} else if (op->kind % 42 == 37) {
		do_broadcast(op);
	} else if (b->there) {
		switch (op->kind % 42) {
		case 0 ... 4:
			do_write(b, fds[i], op);
			break;
		case 5 ... 8:
			do_send(b, fds[i], op);
			break;
		case 9:
			if (op->b % 2)
				do_once(b, fds[i], op);
			else
				do_restore(b, fds[i], op);
			break;
		case 10 ... 11:
			do_batch(b, fds[i], op);
			break;
		case 12 ... 15:
			do_read(b, fds[i], op);
			break;
		case 16 ... 20:
			do_recv(b, fds[i], seconds[i], op);
			break;
		case 21 ... 22:
			do_recv_batch(b, fds[i], seconds[i], op);
			break;
		case 23 ... 27:
			do_settle(b, i, op);
			break;
		case 28:
			do_cancel(b, fds[i], op);
			break;
		case 29:
			do_close(b, i, op);
			break;
		case 30 ... 32:
			do_limit(b, i, op);
			break;
		case 33:
			do_rename(b, i, op);
			break;
		case 34:
			do_exchange(b, i, op);
			break;
		default:
			do_call(b, fds[i], op);
		}
	}
	say("\n");
	compare(i);
}

/* Run a sequence in fresh groups; whether there was a difference. */
static bool run_ops(const struct op *ops, int n)
{
	static const struct limits standard = {
		.max_size = 65536, .max_messages = 4096, .max_bytes = 1048576,
		.short_read = KEEP,
	};
	int i;

	log_len = 0;
	differs = false;
	ids = 0;
	clock_now = 0;
	CHECK_EQ(mkdir("g", 0777) || mkdir("g/h", 0777) || mkdir("i", 0777), 0);
	for (i = 0; i < GROUPS; i++)
		groups[i] = (struct group){ .parent = i == 1 ? 0 : -1,
					    .max_bytes = NONE,
					    .max_boxes = NONE,
					    .limits = standard };
	memset(boxes, 0, sizeof(boxes));
	for (i = 0; i < n && !differs; i++)
		one_op(&ops[i]);
	for (i = 0; i < BOXES; i++) {
		if (!boxes[i].there)
			continue;
		close(fds[i]);
		close(seconds[i]);
	}
	CHECK_EQ(system("rm -rf g i t"), 0);
	return differs;
}

/* In a process of its own, which takes the memory of the model with it. */
static bool run_apart(const struct op *ops, int n)
{
	int status;
	pid_t pid = t_fork();

	if (!pid)
		_exit(run_ops(ops, n) ? 2 : 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 1);
	return WEXITSTATUS(status) == 2;
}

/* Leave out what is not needed for the difference. */
static int shrink(struct op *ops, int n)
{
	struct op *fewer = malloc(n * sizeof(*ops));
	int part, at;

	for (part = n / 2; part; part /= 2) {
		for (at = 0; at + part <= n; ) {
			memcpy(fewer, ops, at * sizeof(*ops));
			memcpy(fewer + at, ops + at + part,
			       (n - at - part) * sizeof(*ops));
			if (run_apart(fewer, n - part)) {
				n -= part;
				memcpy(ops, fewer, n * sizeof(*ops));
			} else {
				at += part;
			}
		}
	}
	return n;
}

#define OPS	400

TEST(mailboxes_do_what_the_model_does)
{
	int seconds = atoi(getenv("MODEL_SECONDS") ?: "40");
	unsigned int seed = atoi(getenv("MODEL_SEED") ?: "1");
	long long end = t_now_ms() + seconds * 1000LL;
	struct op *ops = malloc(OPS * sizeof(*ops));
	unsigned long done = 0;
	int i, n;

	t_takes(seconds);
	for (; t_now_ms() < end; seed++) {
		srandom(seed);
		for (i = 0; i < OPS; i++)
			ops[i] = (struct op){ random(), random(), random(),
					      random(), random(), random() };
		done += OPS;
		if (!run_apart(ops, OPS))
			continue;
		n = shrink(ops, OPS);
		log_text = calloc(1, 65536 * 2);
		run_ops(ops, n);
		printf("# MODEL_SEED=%u, %d operations left of %d:\n%s", seed,
		       n, OPS, log_text);
		test_failed(__FILE__, __LINE__, "a difference");
	}
	printf("# %lu operations, up to MODEL_SEED=%u\n", done, seed - 1);
}
