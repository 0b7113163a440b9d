// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying the messages of a mailbox into a dump, and leaving them there.
 *
 * Others send and receive meanwhile. What was there when it began, and has not
 * gone, is copied once: a message that goes from one state to another may slip
 * through a walk, or be met twice, so it is known by its number, and walks are
 * made until nothing moves during one of them, or some find nothing new. What
 * is sent meanwhile is left out.
 */
#include <stdlib.h>
#include <string.h>

#include "dumpfile.h"

/* How many messages, and bytes of them, are looked at in one call. */
#define AT_ONCE		MBOXFS_BATCH_MAX
#define BYTES_AT_ONCE	((uint64_t)1024 * 1024)

/* So often what is there may be something else than what was just seen. */
#define SURPRISES	8

/* How many walks in a row have to find nothing new. */
#define IDLE_WALKS	3

#define ALL_STATES	(MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED | \
			 MBOXFS_LOOK_LEASED | MBOXFS_LOOK_DEAD)

/**
 * struct numbers - a set of numbers that are not 0
 * @slots:	each in the first free place from that of its hash on; 0 is free
 * @size:	a power of 2
 * @used:	how many
 */
struct numbers {
	uint64_t	*slots;
	size_t		size;
	size_t		used;
};

/* Where a number is, or would be. */
static uint64_t *slot_of(const struct numbers *n, uint64_t number)
{
	size_t at = number * 0x9e3779b97f4a7c15ULL >> 32;

	for (;; at++) {
		at &= n->size - 1;
		if (!n->slots[at] || n->slots[at] == number)
			return &n->slots[at];
	}
}

static bool has_number(const struct numbers *n, uint64_t number)
{
	return n->size && *slot_of(n, number);
}

static void grow(struct numbers *n)
{
	struct numbers old = *n;
	size_t i;

	n->size = old.size ? 2 * old.size : 1024;
	n->slots = need_memory(calloc(n->size, sizeof(*n->slots)));
	for (i = 0; i < old.size; i++)
		if (old.slots[i])
			*slot_of(n, old.slots[i]) = old.slots[i];
	free(old.slots);
}

static void add_number(struct numbers *n, uint64_t number)
{
	if (2 * n->used >= n->size)
		grow(n);
	*slot_of(n, number) = number;
	n->used++;
}

/* Look at what @msgs have no room for. */
static int next_heads(int fd, struct mbox_look *look, struct mboxfs_msg *msgs)
{
	memset(msgs, 0, AT_ONCE * sizeof(*msgs));
	return mbox_look(fd, look, msgs, AT_ONCE);
}

/* All that is known about messages but their bytes. Returns 0 or an error. */
int look_at_heads(int fd, uint32_t what, head_fn seen, void *arg)
{
	struct mboxfs_msg *msgs = need_memory(malloc(AT_ONCE * sizeof(*msgs)));
	struct mbox_look look;
	int got, i;

	mbox_look_init(&look, what);
	while ((got = next_heads(fd, &look, msgs)) > 0)
		for (i = 0; i < got; i++)
			seen(&msgs[i], arg);
	free(msgs);
	return got;
}

/**
 * struct copying - messages of one mailbox that are being copied
 * @w:		where to
 * @fd:		the mailbox
 * @stat:	its state when all began
 * @done:	those that have been copied
 * @msgs:	what is seen in one call
 * @room:	for their bytes
 * @began_ns:	when all began
 * @looked_ns:	before the last look
 * @due:	delay of the one before
 * @surprises:	how often it was another one than just before
 * @status:	what has failed
 */
struct copying {
	struct dump_writer	*w;
	int			fd;
	const struct mboxfs_stat *stat;
	struct numbers		done;
	struct mboxfs_msg	*msgs;
	char			*room;
	int64_t			began_ns;
	int64_t			looked_ns;
	uint64_t		due;
	int			surprises;
	int			status;
};

static bool is_wanted(const struct copying *c, const struct mboxfs_msg *m)
{
	return m->seq <= c->stat->sent_total &&
	       !has_number(&c->done, m->seq);
}

/*
 * Give each wanted one of the @got that have been seen room for its bytes.
 * Returns how many can be looked at together, or 0 if none is wanted.
 */
static int give_room(struct copying *c, int got)
{
	uint64_t used = 0, len;
	bool wanted = false;
	int i;

	for (i = 0; i < got; i++) {
		struct mboxfs_msg *m = &c->msgs[i];

		len = is_wanted(c, m) ? m->len : 0;
		wanted |= is_wanted(c, m);
		if (i && used + len > BYTES_AT_ONCE)
			break;
		memset(m, 0, sizeof(*m));
		mbox_msg_data(m, c->room + used, len);
		used += len;
	}
	if (!wanted || c->surprises <= SURPRISES)
		return wanted ? i : 0;
	/* That never stands still: one, of any length. */
	mbox_msg_data(&c->msgs[0], c->room, MBOXFS_MESSAGE_MAX);
	return 1;
}

/*
 * What is left of a delay is that of when it all began, for all of them; so
 * they come due in the same order again.
 */
static void set_delay(struct copying *c, struct mboxfs_msg *m)
{
	m->delay_ns += c->looked_ns - c->began_ns;
	if (m->delay_ns < c->due)
		m->delay_ns = c->due;
	c->due = m->delay_ns;
}

static int copy_one(struct copying *c, const struct mboxfs_msg *seen,
		    const char *body)
{
	struct dump_message *record;
	struct mboxfs_msg m = *seen;

	record = dump_room(c->w, sizeof(*record) + m.len);
	if (!record)
		return STATUS_ERROR;
	m.flags &= DUMP_STATES;
	if (m.flags & MBOXFS_IS_DELAYED)
		set_delay(c, &m);
	else
		m.delay_ns = 0;
	/* 0 would be: not known. */
	if (!m.timeout_ns)
		m.timeout_ns = 1;
	memcpy(record + 1, body, m.len);
	dump_add_message(c->w, &m);
	add_number(&c->done, m.seq);
	return STATUS_OK;
}

/* Copy those that are seen now. Returns how many were, or an error. */
static int copy_seen(struct copying *c, struct mbox_look *look, int count)
{
	struct mbox_look next = *look;
	bool surprise = false;
	int got, i;

	c->looked_ns = now_ns();
	got = mbox_look(c->fd, &next, c->msgs, count);
	for (i = 0; i < got && !c->status; i++) {
		const struct mboxfs_msg *m = &c->msgs[i];

		if (!is_wanted(c, m))
			continue;
		if (m->flags & MBOXFS_TRUNC)
			surprise = true;
		else
			c->status = copy_one(c, m, (char *)(uintptr_t)m->data);
	}
	c->surprises = surprise ? c->surprises + 1 : 0;
	if (!surprise)
		*look = next;
	return got;
}

/* Returns more than 0 if there may be more, or an error. */
static int copy_some(struct copying *c, struct mbox_look *look)
{
	struct mbox_look next = *look;
	int got = next_heads(c->fd, &next, c->msgs), count;

	if (got <= 0)
		return got;
	count = give_room(c, got);
	if (count)
		return copy_seen(c, look, count);
	*look = next;
	return got;
}

static int copy_pass(struct copying *c)
{
	struct mbox_look look;
	int got;

	c->due = 0;
	mbox_look_init(&look, ALL_STATES);
	do {
		got = copy_some(c, &look);
		show_progress(c->w->messages, 0, c->w->used);
	} while (got > 0 && !c->status && !interrupted());
	return got < 0 ? got : 0;
}

/* Whether nothing has moved since, and what has been copied is all. */
static bool is_all(const struct copying *c, struct mboxfs_stat *before)
{
	const struct mboxfs_stat *s = c->stat;
	struct mboxfs_stat now = { 0 };
	bool moved = true;

	if (mbox_stat(c->fd, &now) == 0)
		moved = memcmp(&now, before, sizeof(now));
	*before = now;
	return !moved && c->done.used == s->messages + s->delayed_messages +
		s->leased_messages + s->dead_messages;
}

static int copy_all(struct copying *c)
{
	struct mboxfs_stat before = *c->stat;
	int ret, idle = 0;
	size_t done;

	do {
		done = c->done.used;
		ret = copy_pass(c);
		if (ret || c->status || interrupted())
			break;
		idle = c->done.used > done ? 0 : idle + 1;
	} while (!is_all(c, &before) && idle < IDLE_WALKS);
	return ret ?: c->status;
}

/*
 * Copy the messages of an open mailbox, which had this state just before.
 * Returns 0, a status, or a negative error number.
 */
int copy_messages(struct dump_writer *w, int fd, const struct mboxfs_stat *stat)
{
	struct copying c = {
		.w = w,
		.fd = fd,
		.stat = stat,
		.msgs = need_memory(malloc(AT_ONCE * sizeof(*c.msgs))),
		.room = need_memory(malloc(BYTES_AT_ONCE + MBOXFS_MESSAGE_MAX)),
		.began_ns = now_ns(),
	};
	int ret = copy_all(&c);

	free(c.done.slots);
	free(c.room);
	free(c.msgs);
	return ret;
}
