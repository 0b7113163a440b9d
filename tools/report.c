// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saying what is wrong, and putting text so that a terminal bears it: names and
 * messages come from anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "mboxctl.h"

static const char *verb_name;

void set_verb(const char *name)
{
	verb_name = name;
}

/* @p, or the end, if there is no memory. */
void *need_memory(void *p)
{
	if (p)
		return p;
	fputs("mboxctl: out of memory\n", stderr);
	exit(STATUS_ERROR);
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* How long the character at @text is; *@ok: it can be printed. */
static size_t next_char(const char *text, bool *ok, int *columns)
{
	mbstate_t state = { 0 };
	wchar_t c = 0;
	size_t len = mbrtowc(&c, text, MB_LEN_MAX, &state);

	*ok = len != (size_t)-1 && len != (size_t)-2 && iswprint(c);
	*columns = *ok ? wcwidth(c) : 1;
	if (*columns < 0)
		*columns = 1;
	return *ok ? len : 1;
}

/* A copy in which what would steer a terminal is "?". To be freed. */
char *printable(const char *text)
{
	char *copy = need_memory(malloc(strlen(text) + 1)), *to = copy;
	int columns;
	size_t len;
	bool ok;

	for (; *text; text += len) {
		len = next_char(text, &ok, &columns);
		if (ok)
			memcpy(to, text, len);
		else
			*to = '?';
		to += len;
	}
	*to = '\0';
	return copy;
}

/* How many bytes of printable @text fit into so many columns. */
size_t cut_text(const char *text, size_t columns)
{
	const char *p = text;
	size_t used = 0, len;
	int width;
	bool ok;

	for (; *p; p += len) {
		len = next_char(p, &ok, &width);
		if (used + width > columns)
			break;
		used += width;
	}
	return p - text;
}

static size_t width_of(const char *text)
{
	size_t used = 0, len;
	int width;
	bool ok;

	for (; *text; text += len) {
		len = next_char(text, &ok, &width);
		used += width;
	}
	return used;
}

/* The end of printable @text that fits: of a path it tells more. */
const char *text_end(const char *text, size_t columns)
{
	size_t used = width_of(text);
	int width;
	bool ok;

	while (*text && used > columns) {
		text += next_char(text, &ok, &width);
		used -= width;
	}
	return text;
}

/* A number in at most 6 columns; @base is 1000 or, for bytes, 1024. */
const char *short_number(uint64_t n, unsigned int base, char text[24])
{
	static const char letters[] = " kmgtpe";
	double value = n;
	int i = 0;

	if (n < 100000 && (base == 1000 || n % base || !n)) {
		snprintf(text, 24, "%llu", (unsigned long long)n);
		return text;
	}
	for (; value >= base && i < 6; i++)
		value /= base;
	if (value == (unsigned int)value || value >= 100)
		snprintf(text, 24, "%.0f%c", value, letters[i]);
	else
		snprintf(text, 24, "%.1f%c", value, letters[i]);
	return text;
}

static void begin_line(void)
{
	fflush(stdout);
	fputs("mboxctl: ", stderr);
	if (verb_name)
		fprintf(stderr, "%s: ", verb_name);
}

/* One line on stderr, about @subject unless that is NULL. */
void complain(const char *subject, const char *format, ...)
{
	va_list args;
	char *shown;

	begin_line();
	if (subject) {
		shown = printable(subject);
		fprintf(stderr, "%s: ", shown);
		free(shown);
	}
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* The command line is wrong. */
int bad_usage(const char *format, ...)
{
	char text[256], *shown;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	begin_line();
	shown = printable(text);
	fprintf(stderr, "%s; see mboxctl %s%s--help\n", shown,
		verb_name ?: "", verb_name ? " " : "");
	free(shown);
	return STATUS_USAGE;
}

/*
 * A call of the library with @fd, and @len bytes, has returned @error; say why,
 * and return the status.
 */
int report(const char *path, int fd, int error, size_t len)
{
	char text[8192];

	mbox_explain(fd, error, len, text, sizeof(text));
	complain(path, "%s%s", error == -ETIMEDOUT ? "timed out; " : "", text);
	return error == -EAGAIN || error == -ETIMEDOUT ? STATUS_AGAIN :
		STATUS_ERROR;
}

/* The same for what could not be made: the group above may know why. */
int report_new(const char *path, int error)
{
	char *above = need_memory(strdup(path)), *slash;
	int group, status;

	slash = strrchr(above, '/');
	if (slash)
		slash[1] = '\0';
	group = mbox_open_group(AT_FDCWD, slash ? above : ".");
	status = report(path, group, error, 0);
	if (group >= 0)
		close(group);
	free(above);
	return status;
}

/* The status of two things that were done: an error outweighs waiting. */
int worse(int a, int b)
{
	if (a == STATUS_ERROR || !b)
		return a;
	return b;
}
