// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may take long says on a terminal how far it is, and can be interrupted
 * between two messages.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "dumpfile.h"

static volatile sig_atomic_t caught;

/* When it was shown last, or when all began; and how wide that was. */
static int64_t shown_ns;
static int width;

static void catch(int number)
{
	caught = number;
}

void catch_signals(void)
{
	struct sigaction action = { .sa_handler = catch };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

bool interrupted(void)
{
	return caught;
}

/* How many of @all messages (0: nobody knows), and bytes; now and then. */
void show_progress(uint64_t messages, uint64_t all, uint64_t bytes)
{
	char line[80], number[24], of[32] = "";
	int64_t now = now_ns();
	int len;

	if (!shown_ns)
		shown_ns = now;
	if (now - shown_ns < NSEC_PER_SEC)
		return;
	shown_ns = now;
	if (!isatty(STDERR_FILENO))
		return;
	if (all)
		snprintf(of, sizeof(of), " of %llu", (unsigned long long)all);
	len = snprintf(line, sizeof(line), "%llu%s messages, %s bytes",
		       (unsigned long long)messages, of,
		       short_number(bytes, 1024, number));
	width = len > width ? len : width;
	fprintf(stderr, "\r%-*s", width, line);
	fflush(stderr);
}

/* Before anything else is printed, and in the end. */
void hide_progress(void)
{
	if (width)
		fprintf(stderr, "\r%*s\r", width, "");
	width = 0;
}
