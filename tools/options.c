// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options, numbers and times.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "mboxctl.h"

/*
 * All options of all verbs. @id is what a verb names them by; two may have the
 * same letter, but not in one verb. One below ' ' is none.
 */
static const struct {
	char		id;
	char		letter;
	const char	*name;
	const char	*arg;
	const char	*help;
} table[] = {
	{ 'g', 'g', "group", NULL, "make a group" },
	{ 'm', 'm', "mode", "MODE", "with these rights, octal" },
	{ 'L', 'l', "lines", NULL, "each line of the input is one message" },
	{ 'l', 'l', "lines", NULL, "a newline behind each message" },
	{ 'c', 'c', "count", "N", "so many" },
	{ 'a', 'a', "all", NULL, "all that are there; do not wait" },
	{ 'f', 'f', "follow", NULL, "go on until the mailbox is stopped" },
	{ 'F', 'F', "from", "PID", "only those that this process has sent" },
	{ 'G', 'G', "tagged", "N", "only those with this tag" },
	{ 'p', 'p', "priority", "N", "0 (default) to 32767; higher comes first" },
	{ 't', 't', "tag", "N", "any number" },
	{ 'd', 'd', "delay", "TIME", "readable after this time" },
	{ 's', 's', "sync", NULL, "wait until it has been received" },
	{ 'T', 'T', "timeout", "TIME", "wait no longer; status 75" },
	{ 'n', 'n', "nonblock", NULL, "do not wait; status 75" },
	{ 'C', 'C', "create", NULL, "make the mailbox if it is not there" },
	{ 'R', 'R', "recursive", NULL, "and of all below" },
	{ 'b', 'b', "bare", NULL, "values without names" },
	{ 'r', 'r', "readable", NULL, "until there is a message (default)" },
	{ 'w', 'w', "writable", NULL, "until there is room" },
	{ 'i', 'n', "interval", "TIME", "between two looks; default 1s" },
	{ 'o', 's', "sort", "KEY", "rate (default) or depth" },
	{ 'x', 'x', "take", NULL, "take the messages away" },
	{ 'D', 'D', "delayed", "WHAT", "what is delayed: leave it, or publish and take it" },
	{ 'e', 'e', "seal", NULL, "make a dump of what a killed one has left" },
	{ 'k', 'k', "skip", "N", "not the first N messages" },
	{ 'z', 'o', "once", NULL, "rename the file then; if there is none, that is fine" },
	{ 'S', 'S', "size", "BYTES", "of a message; default 64" },
	{ 'O', 'o', "once", NULL, "only if its tag is higher than all that were sent so" },
	{ 'Q', 'q', "seq", NULL, "print the number that the mailbox gives it" },
	{ 'B', 'd', "dead", NULL, "those that are dead" },
	{ 'J', 'j', "jobs", "N", "so many commands at a time; default 1" },
	{ 'Y', 'r', "retry", "TIME", "until a message comes again; default 1s" },
	{ 'A', 'm', "attempts", "N", "bury a message that has failed so often" },
	{ 'K', 'k', "kill", "TIME", "end a command that runs longer" },
	{ 'W', 'w', "what", "LIST", "readable,delayed,leased,dead; default all" },
	{ 'N', 'l', "long", NULL, "all columns, and wider than 80" },
	{ 'U', 't', "tag", NULL, "the numbers are tags" },
	{ 'j', 'j', "json", NULL, "print JSON, one object per line" },
	{ 'q', 1, "json", NULL, "print JSON, one object per line" },
	{ 'h', 'h', "help", NULL, "print this" },
};

/* A decimal number up to @most. */
int parse_number(const char *text, uint64_t most, uint64_t *value)
{
	uint64_t n = 0;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	for (; *text; text++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *text - '0', &n))
			return -ERANGE;
	if (n > most)
		return -ERANGE;
	*value = n;
	return 0;
}

static int64_t unit_of(const char *text)
{
	static const struct {
		const char	*name;
		int64_t		ns;
	} units[] = {
		{ "", NSEC_PER_SEC }, { "ns", 1 }, { "us", 1000 },
		{ "ms", 1000000 }, { "s", NSEC_PER_SEC },
		{ "m", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].name))
			return units[i].ns;
	return 0;
}

/* "1.5s", "200ms", "3": a decimal number with a unit, or of seconds. */
int parse_time(const char *text, int64_t *ns)
{
	size_t whole = strspn(text, "0123456789");
	const char *end = text + whole, *digit;
	int64_t unit, part, sum = 0;

	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	unit = unit_of(end);
	if (!whole || !unit)
		return -EINVAL;
	for (digit = text; digit < text + whole; digit++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, *digit - '0', &sum))
			return -ERANGE;
	if (__builtin_mul_overflow(sum, unit, &sum))
		return -ERANGE;
	part = unit;
	for (digit = text + whole + 1; digit < end; digit++) {
		part /= 10;
		if (__builtin_add_overflow(sum, part * (*digit - '0'), &sum))
			return -ERANGE;
	}
	*ns = sum;
	return 0;
}

static int parse_mode(const char *text, mode_t *mode)
{
	mode_t m = 0;

	if (!*text || strlen(text) > 5 || text[strspn(text, "01234567")])
		return -EINVAL;
	for (; *text; text++)
		m = m << 3 | (*text - '0');
	if (m > 07777)
		return -ERANGE;
	*mode = m;
	return 0;
}

static int parse_word(const char *text, const char *const *words)
{
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(text, words[i]))
			return i;
	return -EINVAL;
}

/* "dead,leased": bits, in the order of MBOXFS_LOOK_READABLE and so on. */
static int parse_what(const char *text, uint32_t *what)
{
	static const char *const words[] = { "readable", "delayed", "leased",
					     "dead", NULL };
	char copy[64], *rest = copy, *word;
	int bit;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, strlen(text) + 1);
	*what = 0;
	while ((word = strsep(&rest, ","))) {
		bit = parse_word(word, words);
		if (bit < 0)
			return bit;
		*what |= 1 << bit;
	}
	return 0;
}

/* Options with a number or a time. */
static int take_number(struct options *o, char id, const char *text)
{
	uint64_t n = 0;
	int ret;

	switch (id) {
	case 'd':
		return parse_time(text, &o->delay_ns);
	case 'T':
		return parse_time(text, &o->timeout_ns);
	case 'i':
		ret = parse_time(text, &o->interval_ns);
		return ret ?: o->interval_ns < 10000000 ? -ERANGE : 0;
	case 'c':
		ret = parse_number(text, UINT64_MAX, &o->count);
		return ret ?: o->count ? 0 : -ERANGE;
	case 'k':
		return parse_number(text, UINT64_MAX, &o->skip);
	case 'J':
		ret = parse_number(text, MBOXFS_BATCH_MAX, &o->jobs);
		return ret ?: o->jobs ? 0 : -ERANGE;
	case 'A':
		ret = parse_number(text, UINT32_MAX, &o->attempts);
		return ret ?: o->attempts ? 0 : -ERANGE;
	case 'Y':
		return parse_time(text, &o->retry_ns);
	case 'K':
		ret = parse_time(text, &o->kill_ns);
		return ret ?: o->kill_ns ? 0 : -ERANGE;
	case 'S':
		return parse_number(text, MBOXFS_MESSAGE_MAX, &o->size);
	case 't':
		return parse_number(text, UINT64_MAX, &o->tag);
	case 'G':
		o->tagged = true;
		return parse_number(text, UINT64_MAX, &o->tag);
	case 'p':
		ret = parse_number(text, MBOXFS_PRIORITY_MAX, &n);
		o->priority = n;
		return ret;
	default:
		ret = parse_number(text, INT_MAX, &n);
		o->from = n;
		return ret ?: n ? 0 : -ERANGE;
	}
}

static void take_flag(struct options *o, char id)
{
	bool *const flags[] = {
		['g'] = &o->group, ['L'] = &o->lines, ['l'] = &o->lines,
		['a'] = &o->all, ['f'] = &o->follow, ['s'] = &o->sync,
		['n'] = &o->nonblock, ['C'] = &o->create, ['R'] = &o->recursive,
		['b'] = &o->bare, ['r'] = &o->readable, ['w'] = &o->writable,
		['x'] = &o->take, ['e'] = &o->seal, ['j'] = &o->json,
		['q'] = &o->json, ['O'] = &o->once, ['Q'] = &o->seq,
		['B'] = &o->dead, ['N'] = &o->wide, ['U'] = &o->by_tag,
		['z'] = &o->once,
	};

	*flags[(unsigned char)id] = true;
}

static int take_argument(struct options *o, char id, const char *text)
{
	static const char *const keys[] = { "rate", "depth", NULL };
	static const char *const delayed[] = { "", "leave", "publish", NULL };
	int word;

	switch (id) {
	case 'm':
		return parse_mode(text, &o->mode);
	case 'o':
		word = parse_word(text, keys);
		o->sort = word < 0 ? 0 : word;
		return word < 0 ? word : 0;
	case 'D':
		word = parse_word(text, delayed);
		o->delayed = word < 0 ? 0 : word;
		return word <= 0 ? -EINVAL : 0;
	case 'W':
		return parse_what(text, &o->what);
	default:
		return take_number(o, id, text);
	}
}

static int take_option(struct options *o, int i, const char *text)
{
	int ret;

	if (!table[i].arg) {
		take_flag(o, table[i].id);
		return 0;
	}
	ret = take_argument(o, table[i].id, text);
	if (!ret)
		return 0;
	return bad_usage("--%s: '%s' is %s", table[i].name, text,
			 ret == -ERANGE ? "out of range" : "no such value");
}

static bool has(const struct verb *verb, int i)
{
	return table[i].id == 'h' || strchr(verb->options, table[i].id);
}

static int wrong_option(int found, char **argv)
{
	const char *word = argv[optind - 1];

	if (found == ':')
		return bad_usage("%s needs a value", word);
	if (optopt >= ' ' && optopt < 256)
		return bad_usage("unknown option -%c", optopt);
	return bad_usage("unknown option %s", word);
}

/*
 * The next option. Before a command there may be some on both sides of the
 * first argument, which is then put next to the command again.
 */
static int next_option(const struct verb *verb, int argc, char **argv,
		       const char *shorts, const struct option *longs,
		       char **first)
{
	int found = getopt_long(argc, argv, shorts, longs, NULL);

	if (found != -1 || !verb->command)
		return found;
	if (!*first && optind < argc && strcmp(argv[optind - 1], "--")) {
		*first = argv[optind++];
		return next_option(verb, argc, argv, shorts, longs, first);
	}
	if (*first)
		argv[--optind] = *first;
	return -1;
}

/*
 * Returns a status, or -1 if the help is wanted. What follows the options is
 * from optind on.
 */
int parse_options(const struct verb *verb, struct options *o, int argc,
		  char **argv)
{
	struct option longs[ARRAY_SIZE(table) + 1] = { { 0 } };
	char shorts[3 * ARRAY_SIZE(table) + 2] = "+:", *s = shorts + 2;
	char *first = NULL;
	int map[256] = { 0 }, i, n = 0, found, status;

	for (i = 0; i < (int)ARRAY_SIZE(table); i++) {
		if (!has(verb, i))
			continue;
		longs[n++] = (struct option){ table[i].name, !!table[i].arg,
					      NULL, table[i].letter };
		map[(unsigned char)table[i].letter] = i;
		if (table[i].letter < ' ')
			continue;
		*s++ = table[i].letter;
		if (table[i].arg)
			*s++ = ':';
	}
	optind = 1;
	opterr = 0;
	while ((found = next_option(verb, argc, argv,
				    shorts + !verb->command, longs,
				    &first)) != -1) {
		if (found == 'h')
			return -1;
		if (found == '?' || found == ':')
			return wrong_option(found, argv);
		status = take_option(o, map[found], optarg);
		if (status)
			return status;
	}
	return 0;
}

void print_options(const struct verb *verb)
{
	char left[40];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (!has(verb, i))
			continue;
		snprintf(left, sizeof(left), "%c%c%c --%s%s%s",
			 table[i].letter < ' ' ? ' ' : '-',
			 table[i].letter < ' ' ? ' ' : table[i].letter,
			 table[i].letter < ' ' ? ' ' : ',',
			 table[i].name, table[i].arg ? " " : "",
			 table[i].arg ?: "");
		printf("  %-22s %s\n", left, table[i].help);
	}
}
