// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch: what goes on in all mailboxes below a group, again and again.
 *
 * On a terminal that is a picture which is drawn anew; else plain lines or JSON.
 * Signals are taken only while it waits, so that the terminal is always put back
 * as it was.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "mboxctl.h"

/* Control sequences that every terminal of today knows. */
#define ENTER_SCREEN	"\033[?1049h\033[?25l"
#define LEAVE_SCREEN	"\033[?25h\033[?1049l"
#define HOME		"\033[H"
#define CLEAR_LINE	"\033[K"
#define CLEAR_BELOW	"\033[J"
#define REVERSE		"\033[7m"
#define NORMAL		"\033[m"

#define MAX_LINE	8192

/* Where names begin; they have at least so much room. */
#define NAME_COLUMN	58
#define LEAST_NAME	8

/**
 * struct box - a mailbox at one moment
 * @name:	its path below where the watch began
 * @inode:	tells it from another one that has got its name
 * @stat:	its state
 * @known:	the rates are: it was there the last time
 * @sent:	messages per second since then
 * @received:	the same
 */
struct box {
	char			*name;
	ino_t			inode;
	struct mboxfs_stat	stat;
	bool			known;
	uint64_t		sent;
	uint64_t		received;
};

/**
 * struct sample - all mailboxes at one moment
 * @boxes:	they
 * @count:	how many
 * @room:	for how many there is memory
 * @hidden:	how many could not be looked at
 * @time:	when, by now_ns()
 */
struct sample {
	struct box	*boxes;
	size_t		count;
	size_t		room;
	size_t		hidden;
	int64_t		time;
};

/**
 * struct screen - a terminal
 * @live:	the output is one
 * @keys:	the input is one
 * @saved:	how the input was
 * @rows:	how large it is
 * @columns:	and how wide; 0: no terminal, and nothing is cut
 */
struct screen {
	bool		live;
	bool		keys;
	struct termios	saved;
	int		rows;
	int		columns;
};

static volatile sig_atomic_t caught;

static void catch(int number)
{
	if (number != SIGWINCH)
		caught = number;
}

static void catch_signals(sigset_t *waiting)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				       SIGTSTP, SIGWINCH };
	struct sigaction action = { .sa_handler = catch };
	sigset_t all;
	unsigned int i;

	sigemptyset(&all);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&all, numbers[i]);
	sigprocmask(SIG_BLOCK, &all, waiting);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

static void free_sample(struct sample *s)
{
	while (s->count)
		free(s->boxes[--s->count].name);
	free(s->boxes);
	s->boxes = NULL;
	s->room = 0;
}

static int visit_watch(const struct node *node, void *arg)
{
	struct sample *s = arg;
	struct box *box;

	if (node->group) {
		s->hidden += node->fd < 0;
		return STATUS_OK;
	}
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		s->boxes = need_memory(realloc(s->boxes,
					       s->room * sizeof(*s->boxes)));
	}
	box = &s->boxes[s->count];
	memset(box, 0, sizeof(*box));
	if (node->fd < 0 || mbox_stat(node->fd, &box->stat) < 0) {
		s->hidden++;
		return STATUS_OK;
	}
	box->inode = node->st.st_ino;
	box->name = printable(*node->below ? node->below : node->name);
	s->count++;
	return STATUS_OK;
}

static int by_inode(const void *a, const void *b)
{
	const struct box *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static uint64_t per_second(uint64_t before, uint64_t after, int64_t ns)
{
	if (ns <= 0 || after <= before)
		return 0;
	return (double)(after - before) * NSEC_PER_SEC / ns + 0.5;
}

/* Rates of @now since @last. Leaves both in the order of inodes. */
static void compare(struct sample *now, const struct sample *last)
{
	int64_t ns = now->time - last->time;
	const struct box *old;
	struct box *box;

	if (now->count)
		qsort(now->boxes, now->count, sizeof(*box), by_inode);
	for (box = now->boxes; box < now->boxes + now->count; box++) {
		old = last->count ? bsearch(box, last->boxes, last->count,
					    sizeof(*box), by_inode) : NULL;
		if (!old)
			continue;
		box->known = true;
		box->sent = per_second(old->stat.sent_total,
				       box->stat.sent_total, ns);
		box->received = per_second(old->stat.received_total,
					   box->stat.received_total, ns);
	}
}

static uint64_t depth_of(const struct box *b)
{
	return held_messages(&b->stat);
}

static int compare_boxes(const struct box *x, const struct box *y,
			 enum sort_key first)
{
	uint64_t a = x->sent + x->received, b = y->sent + y->received;

	if (first == SORT_DEPTH || a == b) {
		a = depth_of(x);
		b = depth_of(y);
	}
	if (a == b)
		return strverscmp(x->name, y->name);
	return a < b ? 1 : -1;
}

static int by_rate(const void *a, const void *b)
{
	return compare_boxes(*(const struct box **)a, *(const struct box **)b,
			     SORT_RATE);
}

static int by_depth(const void *a, const void *b)
{
	return compare_boxes(*(const struct box **)a, *(const struct box **)b,
			     SORT_DEPTH);
}

/* The boxes in the order in which they are shown. To be freed. */
static const struct box **sorted(const struct sample *s, enum sort_key key)
{
	const struct box **list;
	size_t i;

	list = need_memory(calloc(s->count + 1, sizeof(const struct box *)));
	for (i = 0; i < s->count; i++)
		list[i] = &s->boxes[i];
	qsort(list, s->count, sizeof(const struct box *),
	      key == SORT_RATE ? by_rate : by_depth);
	return list;
}

/* How full it is, in percent of the bound that is nearer. */
static unsigned int fullness(const struct mboxfs_stat *s)
{
	double messages = held_messages(s);
	double bytes = held_bytes(s);

	messages = s->max_messages ? messages / s->max_messages : 0;
	bytes = s->max_bytes ? bytes / s->max_bytes : 0;
	if (messages < bytes)
		messages = bytes;
	return messages < 9.99 ? messages * 100 : 999;
}

static void put_line(const struct screen *screen, const char *line,
		     const char *mark)
{
	size_t len = strlen(line);

	if (screen->columns)
		len = cut_text(line, screen->columns);
	printf("%s%.*s%s%s\n", screen->live ? mark : "", (int)len, line,
	       screen->live && *mark ? NORMAL : "",
	       screen->live ? CLEAR_LINE : "");
}

static const char *rate_text(const struct box *b, uint64_t rate, char text[24])
{
	return b->known ? short_number(rate, 1000, text) : "-";
}

static void put_box(const struct screen *screen, const struct box *b)
{
	char line[MAX_LINE], sent[24], received[24], messages[24], bytes[24];
	const char *stopped = b->stat.stopped ? " (stopped)" : "";
	const char *name = b->name;
	char delayed[24];
	int room;

	room = screen->columns - NAME_COLUMN - (int)strlen(stopped);
	if (screen->columns)
		name = text_end(name, room > LEAST_NAME ? room : LEAST_NAME);
	snprintf(line, sizeof(line),
		 "%7s %7s %8s %7s %4u%% %7s %4llu %4llu %c%s%s",
		 rate_text(b, b->sent, sent),
		 rate_text(b, b->received, received),
		 short_number(b->stat.messages, 1000, messages),
		 short_number(held_bytes(&b->stat), 1024, bytes),
		 fullness(&b->stat),
		 short_number(b->stat.delayed_messages, 1000, delayed),
		 (unsigned long long)b->stat.readers_waiting,
		 (unsigned long long)b->stat.writers_waiting,
		 name == b->name ? ' ' : '<', name, stopped);
	put_line(screen, line, "");
}

static void put_head(const struct screen *screen, const struct sample *s,
		     const char *path, enum sort_key key)
{
	char line[MAX_LINE], a[24], b[24], c[24], d[24], *shown;
	uint64_t messages = 0, bytes = 0, sent = 0, received = 0;
	size_t i;

	for (i = 0; i < s->count; i++) {
		messages += depth_of(&s->boxes[i]);
		bytes += held_bytes(&s->boxes[i].stat);
		sent += s->boxes[i].sent;
		received += s->boxes[i].received;
	}
	snprintf(line, sizeof(line),
		 "%zu mailboxes, %s messages, %s bytes; per second: %s sent, %s received",
		 s->count, short_number(messages, 1000, a),
		 short_number(bytes, 1024, b), short_number(sent, 1000, c),
		 short_number(received, 1000, d));
	put_line(screen, line, "");
	shown = printable(path);
	snprintf(a, sizeof(a), "; %zu not readable", s->hidden);
	snprintf(line, sizeof(line), "%s, by %s%s%s", shown,
		 key == SORT_RATE ? "rate" : "depth", s->hidden ? a : "",
		 screen->keys ? "; keys: r rate, d depth, q quit" : "");
	free(shown);
	put_line(screen, line, "");
	snprintf(line, sizeof(line), "%7s %7s %8s %7s %5s %7s %4s %4s  %s",
		 "SENT/S", "RECV/S", "MESSAGES", "BYTES", "FULL", "DELAYED",
		 "RD", "WR", "MAILBOX");
	put_line(screen, line, REVERSE);
}

static void put_json(const struct box *b, const char *path)
{
	struct timespec t;
	int i;

	clock_gettime(CLOCK_REALTIME, &t);
	json_begin();
	json_number("time", t.tv_sec);
	json_string("in", path);
	json_string("mailbox", b->name);
	if (b->known) {
		json_number("sent_per_second", b->sent);
		json_number("received_per_second", b->received);
	} else {
		json_null("sent_per_second");
		json_null("received_per_second");
	}
	for (i = 0; mbox_attr_name(i); i++)
		if (attr_belongs(i, false))
			json_attr(i, stat_value(&b->stat, i));
	json_end();
}

static void measure(struct screen *screen)
{
	struct winsize size;

	if (!screen->live)
		return;
	screen->rows = 24;
	screen->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col) {
		screen->rows = size.ws_row;
		screen->columns = size.ws_col;
	}
}

/* Returns whether the output still goes somewhere. */
static bool draw(struct screen *screen, const struct sample *s,
		 const struct options *o, enum sort_key key, const char *path)
{
	const struct box **list = sorted(s, key);
	size_t i, most = s->count;

	measure(screen);
	/* Three lines above, and the cursor's below. */
	if (screen->live && most > (size_t)(screen->rows > 4 ?
					    screen->rows - 4 : 0))
		most = screen->rows > 4 ? screen->rows - 4 : 0;
	if (screen->live)
		fputs(HOME, stdout);
	if (!o->json)
		put_head(screen, s, path, key);
	for (i = 0; i < most; i++) {
		if (o->json)
			put_json(list[i], path);
		else
			put_box(screen, list[i]);
	}
	if (screen->live)
		fputs(CLEAR_BELOW, stdout);
	free(list);
	return !fflush(stdout) && !ferror(stdout);
}

static void enter_screen(struct screen *screen)
{
	struct termios raw;

	if (!screen->live)
		return;
	if (screen->keys) {
		tcgetattr(STDIN_FILENO, &screen->saved);
		raw = screen->saved;
		raw.c_lflag &= ~(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs(ENTER_SCREEN, stdout);
	fflush(stdout);
}

static void leave_screen(const struct screen *screen)
{
	if (!screen->live)
		return;
	fputs(LEAVE_SCREEN, stdout);
	fflush(stdout);
	if (screen->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen->saved);
}

/* Let the shell have the terminal until it lets us go on. */
static void suspend(struct screen *screen)
{
	leave_screen(screen);
	raise(SIGSTOP);
	enter_screen(screen);
}

/* Returns the key that was pressed, 0 for none, or -1 if there are no more. */
static int wait_key(struct screen *screen, int64_t ns, const sigset_t *waiting)
{
	struct timespec left = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };
	struct pollfd p = { .fd = screen->keys ? STDIN_FILENO : -1,
			    .events = POLLIN };
	char key;

	if (ppoll(&p, 1, &left, waiting) <= 0 || !p.revents)
		return 0;
	return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}

/**
 * struct watching - a watch
 * @o:		options
 * @path:	of what
 * @screen:	where to
 * @key:	sorted by
 * @last:	what was seen last
 * @quit:	it is over
 */
struct watching {
	const struct options	*o;
	const char		*path;
	struct screen		screen;
	enum sort_key		key;
	struct sample		last;
	bool			quit;
};

static void press(struct watching *w, int key)
{
	switch (key) {
	case 'r':
		w->key = SORT_RATE;
		break;
	case 'd':
		w->key = SORT_DEPTH;
		break;
	case 'q':
	case 'Q':
		w->quit = true;
		break;
	case -1:
		w->screen.keys = false;
		break;
	}
}

/* Until it is time for the next look; what changes is drawn at once. */
static void wait_until(struct watching *w, int64_t end, const sigset_t *waiting)
{
	int64_t left;
	int key;

	while (!w->quit && (left = end - now_ns()) > 0) {
		key = wait_key(&w->screen, left, waiting);
		if (caught == SIGTSTP) {
			caught = 0;
			suspend(&w->screen);
		}
		w->quit = caught;
		press(w, key);
		/* A key, or another size of the window. */
		if (w->screen.live && !w->quit && now_ns() < end)
			draw(&w->screen, &w->last, w->o, w->key, w->path);
	}
}

/* Returns a status. */
static int look(struct watching *w)
{
	struct sample now = { .time = now_ns() };
	int status = walk(w->path, true, visit_watch, &now);

	compare(&now, &w->last);
	free_sample(&w->last);
	w->last = now;
	if (status)
		return status;
	return draw(&w->screen, &w->last, w->o, w->key, w->path) ? STATUS_OK :
		STATUS_ERROR;
}

static int watch(struct watching *w, const sigset_t *waiting)
{
	uint64_t count = w->o->count ?: UINT64_MAX;
	int64_t next = now_ns();
	int status = STATUS_OK;

	while (!w->quit) {
		status = look(w);
		if (status || !--count)
			break;
		next += w->o->interval_ns;
		/* Who was suspended, or is slow, does not catch up. */
		if (next < now_ns())
			next = now_ns() + w->o->interval_ns;
		wait_until(w, next, waiting);
		if (!w->screen.live && !w->o->json && !w->quit)
			putchar('\n');
	}
	return status;
}

static bool is_live(const struct options *o)
{
	const char *term = getenv("TERM");

	return !o->json && isatty(STDOUT_FILENO) && term &&
		strcmp(term, "dumb");
}

int do_watch(const struct options *o, int argc, char **argv)
{
	struct watching w = {
		.o = o,
		.path = argc ? argv[0] : ".",
		.key = o->sort,
	};
	sigset_t waiting;
	int status;

	w.screen.live = is_live(o);
	w.screen.keys = w.screen.live && isatty(STDIN_FILENO);
	catch_signals(&waiting);
	enter_screen(&w.screen);
	status = watch(&w, &waiting);
	leave_screen(&w.screen);
	free_sample(&w.last);
	if (caught) {
		/* Whoever has started us is to see what has ended us. */
		signal(caught, SIG_DFL);
		raise(caught);
		sigprocmask(SIG_SETMASK, &waiting, NULL);
	}
	return status;
}
