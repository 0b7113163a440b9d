// SPDX-License-Identifier: GPL-2.0-only
/*
 * look, cancel, bury: single messages, where they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mboxctl.h"

/* How many messages are looked at in one call, and how much of each. */
#define AT_ONCE		64
#define BEGINNING	256

#define WIDTH		80

#define NSEC_PER_MSEC	1000000

typedef unsigned long long ull;

/* What is done with each message that is seen; not 0 ends the walk. */
typedef int (*seen_fn)(const struct mboxfs_msg *m, const char *data, void *arg);

/*
 * Look at the messages of a mailbox, @count in one call, @room bytes of each.
 * Returns what ended it, a negative error number, or 0.
 */
static int look_at(int fd, uint32_t what, unsigned int count, size_t room,
		   seen_fn seen, void *arg)
{
	struct mboxfs_msg *msgs = need_memory(calloc(count, sizeof(*msgs)));
	char *data = need_memory(malloc(count * room + 1));
	struct mbox_look look;
	int got, i, ret = 0;

	mbox_look_init(&look, what);
	do {
		for (i = 0; i < (int)count; i++)
			mbox_msg_data(&msgs[i], data + i * room, room);
		got = mbox_look(fd, &look, msgs, count);
		for (i = 0; i < got && !ret; i++)
			ret = seen(&msgs[i], data + i * room, arg);
	} while (got > 0 && !ret);
	free(data);
	free(msgs);
	return got < 0 ? got : ret;
}

static const char *state_of(const struct mboxfs_msg *m)
{
	if (m->flags & MBOXFS_IS_DELAYED)
		return "delayed";
	if (m->flags & MBOXFS_IS_LEASED)
		return "leased";
	return m->flags & MBOXFS_IS_DEAD ? "dead" : "readable";
}

/* In at most 5 columns. */
static const char *short_time(int64_t ns, char text[24])
{
	static const struct {
		int64_t	ns;
		char	unit;
	} units[] = {
		{ 86400 * NSEC_PER_SEC, 'd' }, { 3600 * NSEC_PER_SEC, 'h' },
		{ 60 * NSEC_PER_SEC, 'm' }, { NSEC_PER_SEC, 's' },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (ns >= units[i].ns)
			break;
	if (i < ARRAY_SIZE(units))
		snprintf(text, 24, "%lld%c", (long long)(ns / units[i].ns),
			 units[i].unit);
	else
		snprintf(text, 24, "%lldms",
			 (long long)(ns > 0 ? ns / NSEC_PER_MSEC : 0));
	return text;
}

static int64_t age_of(const struct mboxfs_msg *m)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec - (int64_t)m->sent_ns;
}

/* The beginning of a message, as a terminal bears it. To be freed. */
static char *beginning(const struct mboxfs_msg *m, const char *data)
{
	size_t len = m->len < BEGINNING ? m->len : BEGINNING, i;
	char *text = need_memory(malloc(len + 1)), *shown;

	/* Most are a line, whose end need not be seen. */
	if (len && len == m->len && data[len - 1] == '\n')
		len--;
	for (i = 0; i < len; i++)
		text[i] = data[i] ?: '\1';
	text[len] = '\0';
	shown = printable(text);
	free(text);
	return shown;
}

/**
 * struct looking - what is shown, and how
 * @path:	of the mailbox
 * @wide:	with all columns, and nothing is cut
 */
struct looking {
	const char	*path;
	bool		wide;
};

static void show_header(bool wide)
{
	printf("%-8s %8s %5s %8s %5s %5s %6s", "STATE", "SEQ", "PRIO", "TAG",
	       "AGE", "TRIES", "BYTES");
	if (wide)
		printf(" %5s %5s %7s %6s %6s", "DUE", "LEFT", "PID", "UID",
		       "GID");
	puts("  MESSAGE");
}

static int show_row(const struct mboxfs_msg *m, const char *data, void *arg)
{
	const struct looking *l = arg;
	char age[24], tries[24], bytes[24], due[24], left[24];
	char *text = beginning(m, data);
	int used, room;

	used = printf("%-8s %8llu %5u %8llu %5s %5s %6s", state_of(m),
		      (ull)m->seq, m->priority, (ull)m->tag,
		      short_time(age_of(m), age),
		      short_number(m->attempts, 1000, tries),
		      short_number(m->len, 1024, bytes));
	if (l->wide)
		printf(" %5s %5s %7d %6u %6u",
		       m->flags & MBOXFS_IS_DELAYED ?
		       short_time(m->delay_ns, due) : "-",
		       m->timeout_ns >= 0 ?
		       short_time(m->timeout_ns, left) : "-",
		       m->pid, m->uid, m->gid);
	room = WIDTH - 2 - used;
	if (!l->wide)
		text[cut_text(text, room > 0 ? room : 0)] = '\0';
	printf("  %s\n", text);
	free(text);
	return ferror(stdout) ? STATUS_ERROR : 0;
}

static int show_json(const struct mboxfs_msg *m, const char *data, void *arg)
{
	const struct looking *l = arg;

	json_begin();
	json_string("path", l->path);
	json_string("state", state_of(m));
	json_number("seq", m->seq);
	json_number("priority", m->priority);
	json_number("tag", m->tag);
	json_number("pid", m->pid);
	json_number("uid", m->uid);
	json_number("gid", m->gid);
	json_number("sent_ns", m->sent_ns);
	json_number("attempts", m->attempts);
	json_number("delay_ns",
		    m->flags & MBOXFS_IS_DELAYED ? m->delay_ns : 0);
	if (m->timeout_ns >= 0)
		json_number("left_ns", m->timeout_ns);
	else
		json_null("left_ns");
	json_number("length", m->len);
	json_bytes("message", data, m->len);
	json_end();
	return ferror(stdout) ? STATUS_ERROR : 0;
}

int do_look(const struct options *o, int argc, char **argv)
{
	struct looking l = { .path = argv[0], .wide = o->wide };
	int fd, ret;

	fd = mbox_open(AT_FDCWD, l.path, O_RDONLY);
	if (fd < 0)
		return report(l.path, -1, fd, 0);
	if (!o->json)
		show_header(l.wide);
	/* All of a message, however long; only what is touched is memory. */
	if (o->json)
		ret = look_at(fd, o->what, 1, MBOXFS_MESSAGE_MAX, show_json,
			      &l);
	else
		ret = look_at(fd, o->what, AT_ONCE, BEGINNING, show_row, &l);
	if (ret < 0)
		ret = report(l.path, fd, ret, 0);
	close(fd);
	return ret;
}

/* The numbers that arguments are. To be freed; NULL: one is none. */
static __u64 *parse_numbers(int argc, char **argv)
{
	__u64 *numbers = need_memory(calloc(argc, sizeof(*numbers)));
	uint64_t number;
	int i;

	for (i = 0; i < argc; i++) {
		if (!parse_number(argv[i], UINT64_MAX, &number)) {
			numbers[i] = number;
			continue;
		}
		bad_usage("'%s' is no number", argv[i]);
		free(numbers);
		return NULL;
	}
	return numbers;
}

/* The kernel takes so many in one call; that one has none is no error. */
static int cancel_all(int fd, const __u64 *numbers, int count, int how)
{
	int done = 0, n, ret;

	for (; count > 0; numbers += n, count -= n) {
		n = count < MBOXFS_BATCH_MAX ? count : MBOXFS_BATCH_MAX;
		ret = mbox_cancel(fd, numbers, n, how);
		if (ret < 0 && ret != -ENOENT)
			return ret;
		done += ret > 0 ? ret : 0;
	}
	return done ?: -ENOENT;
}

int do_cancel(const struct options *o, int argc, char **argv)
{
	__u64 *numbers = parse_numbers(argc - 1, argv + 1);
	int fd, ret;

	if (!numbers)
		return STATUS_USAGE;
	fd = mbox_open(AT_FDCWD, argv[0], O_WRONLY);
	if (fd < 0) {
		free(numbers);
		return report(argv[0], -1, fd, 0);
	}
	ret = cancel_all(fd, numbers, argc - 1,
			 o->by_tag ? MBOXFS_BY_TAG : MBOXFS_BY_SEQ);
	if (ret > 0)
		show_count(o, argv[0], "messages", ret);
	else if (ret == -ENOENT)
		complain(argv[0], "no such message is readable or delayed, and yours");
	else
		report(argv[0], fd, ret, 0);
	free(numbers);
	close(fd);
	return ret > 0 ? STATUS_OK : STATUS_ERROR;
}

/**
 * struct burial - a message that is to be dead
 * @path:	of its mailbox
 * @fd:		it is open
 * @room:	for any message
 * @seq:	its number
 * @tag:	its tag
 * @state:	MBOXFS_IS_DELAYED and so on; 0: readable
 * @tries:	of one with its tag in front of it the most attempts
 * @tried:	which one that is
 */
struct burial {
	const char	*path;
	int		fd;
	char		*room;
	__u64		seq;
	uint64_t	tag;
	uint32_t	state;
	uint32_t	tries;
	uint64_t	tried;
};

static int find_it(const struct mboxfs_msg *m, const char *data, void *arg)
{
	struct burial *b = arg;

	if (m->seq != b->seq)
		return 0;
	b->tag = m->tag;
	b->state = m->flags & (MBOXFS_IS_DELAYED | MBOXFS_IS_LEASED |
			       MBOXFS_IS_DEAD);
	return 1;
}

static int find_those_before(const struct mboxfs_msg *m, const char *data,
			     void *arg)
{
	struct burial *b = arg;

	if (m->seq == b->seq)
		return 1;
	if (m->tag == b->tag && m->attempts >= b->tries) {
		b->tries = m->attempts;
		b->tried = m->seq;
	}
	return 0;
}

static int __attribute__((format(printf, 2, 3)))
refuse(const struct burial *b, const char *format, ...)
{
	va_list args;
	char text[200];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	complain(b->path, "message %llu %s", (ull)b->seq, text);
	return STATUS_ERROR;
}

static int failed(const struct burial *b, int error)
{
	return report(b->path, b->fd, error, MBOXFS_MESSAGE_MAX);
}

/* Whether another one would die by being taken and put back. */
static int check_those_before(struct burial *b)
{
	struct mboxfs_stat stat;
	int ret;

	b->tries = 0;
	b->tried = 0;
	ret = look_at(b->fd, MBOXFS_LOOK_READABLE, MBOXFS_BATCH_MAX, 0,
		      find_those_before, b);
	if (ret >= 0)
		ret = mbox_stat(b->fd, &stat);
	if (ret < 0)
		return failed(b, ret);
	if (!b->tried || !stat.max_attempts || b->tries + 1 < stat.max_attempts)
		return STATUS_OK;
	return refuse(b, "has %llu of its tag in front of it, whose last attempt that would be",
		      (ull)b->tried);
}

/* Each gets the place that it had. */
static void put_back(const struct burial *b, const __u64 *seqs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i += MBOXFS_BATCH_MAX)
		mbox_settle(b->fd, seqs + i, count - i < MBOXFS_BATCH_MAX ?
			    count - i : MBOXFS_BATCH_MAX, MBOXFS_RETURN, 0);
}

/*
 * Take all of its tag, as nothing else of it can be asked for, up to the one
 * that is wanted. Returns 0 if that is dead.
 */
static int take_and_bury(const struct burial *b)
{
	size_t count = 0, room = 0;
	__u64 *seqs = NULL;
	struct mboxfs_msg m;
	int ret;

	for (;;) {
		mbox_msg_init(&m);
		m.flags = MBOXFS_NONBLOCK | MBOXFS_TAGGED;
		m.tag = b->tag;
		ret = mbox_lease(b->fd, b->room, MBOXFS_MESSAGE_MAX, &m);
		if (ret < 0)
			break;
		if (m.seq == b->seq) {
			ret = mbox_settle(b->fd, &b->seq, 1, MBOXFS_BURY, 0);
			break;
		}
		if (count == room) {
			room = room ? 2 * room : 64;
			seqs = need_memory(realloc(seqs, room * sizeof(*seqs)));
		}
		seqs[count++] = m.seq;
	}
	put_back(b, seqs, count);
	free(seqs);
	return ret < 0 ? ret : 0;
}

/* Returns a status; *@count is how many are dead by it. */
static int bury_one(struct burial *b, int *count)
{
	int ret;

	ret = look_at(b->fd, MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED |
		      MBOXFS_LOOK_LEASED | MBOXFS_LOOK_DEAD, MBOXFS_BATCH_MAX,
		      0, find_it, b);
	if (ret < 0)
		return failed(b, ret);
	if (!ret)
		return refuse(b, "is not there");
	if (b->state & MBOXFS_IS_DEAD)
		return STATUS_OK;
	if (b->state & MBOXFS_IS_LEASED)
		return refuse(b, "is on lease, and its reader's to bury");
	if (b->state & MBOXFS_IS_DELAYED)
		return refuse(b, "is delayed; flush or cancel it");
	ret = check_those_before(b);
	if (ret)
		return ret;
	ret = take_and_bury(b);
	if (ret == -EAGAIN || ret == -ENOENT)
		return refuse(b, "has been received meanwhile");
	if (ret < 0)
		return failed(b, ret);
	++*count;
	return STATUS_OK;
}

int do_bury(const struct options *o, int argc, char **argv)
{
	struct burial b = { .path = argv[0] };
	__u64 *seqs = parse_numbers(argc - 1, argv + 1);
	int i, count = 0, status = STATUS_OK;

	if (!seqs)
		return STATUS_USAGE;
	b.fd = mbox_open(AT_FDCWD, b.path, O_RDONLY);
	if (b.fd < 0) {
		free(seqs);
		return report(b.path, -1, b.fd, 0);
	}
	b.room = message_room();
	for (i = 0; i < argc - 1; i++) {
		b.seq = seqs[i];
		status = worse(status, bury_one(&b, &count));
	}
	show_count(o, b.path, "messages", count);
	free(b.room);
	free(seqs);
	close(b.fd);
	return status;
}
