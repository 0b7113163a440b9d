// SPDX-License-Identifier: GPL-2.0-only
/*
 * mboxctl: mailboxes of mboxfs on the command line.
 */
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "mboxctl.h"

static const struct verb verbs[] = {
	{
		.name = "create",
		.args = "PATH [NAME=VALUE...]",
		.brief = "make a mailbox, or a group",
		.text = "It must not be there. NAME=VALUE as for \"set\".",
		.example = "mboxctl create -m 660 /mnt/mbox/q max_messages=100 when_full=fail",
		.options = "gm",
		.min = 1, .max = INT_MAX, .run = do_create,
	}, {
		.name = "send",
		.args = "MAILBOX [TEXT...]",
		.brief = "send messages",
		.text = "Each TEXT is one message, without a newline. Without TEXT all of the\n"
			"input is one message, or each of its lines with --lines.",
		.example = "mboxctl send --tag 7 /mnt/mbox/q 'hello world'",
		.options = "LptdsTnC",
		.min = 1, .max = INT_MAX, .run = do_send,
	}, {
		.name = "recv",
		.args = "MAILBOX",
		.brief = "take one message, or more, and print it",
		.text = "Prints the bytes as they are. A message that has been taken and cannot\n"
			"be printed is lost. --timeout is for each message.",
		.example = "mboxctl recv --timeout 5s /mnt/mbox/q",
		.options = "lcafFGTnj",
		.min = 1, .max = 1, .run = do_recv,
	}, {
		.name = "peek",
		.args = "MAILBOX",
		.brief = "print the next message, and leave it there",
		.text = "Does not wait, but with --timeout.",
		.example = "mboxctl peek --json /mnt/mbox/q",
		.options = "lFGTj",
		.min = 1, .max = 1, .run = do_peek,
	}, {
		.name = "ls",
		.args = "[PATH...]",
		.brief = "list groups and mailboxes as a tree",
		.text = "Used and bound (5/100; bytes with those delayed), how many messages are\n"
			"delayed, how many readers (RD) and writers (WR) wait. k, m, g are powers\n"
			"of 1024 for bytes, of 1000 for all else. ? is without permission to read.",
		.example = "mboxctl ls /mnt/mbox",
		.options = "j",
		.min = 0, .max = INT_MAX, .run = do_ls,
	}, {
		.name = "stat",
		.args = "PATH...",
		.brief = "print all about a mailbox or a group, at one moment",
		.example = "mboxctl stat --json /mnt/mbox/q",
		.options = "j",
		.min = 1, .max = INT_MAX, .run = do_stat,
	}, {
		.name = "get",
		.args = "PATH [NAME...]",
		.brief = "print limits, policies and counters",
		.example = "mboxctl get --bare /mnt/mbox/q messages",
		.options = "Rbj",
		.min = 1, .max = INT_MAX, .run = do_get,
	}, {
		.name = "set",
		.args = "PATH NAME=VALUE...",
		.brief = "set limits and policies",
		.text = "VALUE is a number, which k, m or g may follow, or a policy's word.\n"
			"NAME=default puts the default back. -R sets what each has: of groups it\n"
			"is what mailboxes that are made later get.",
		.example = "mboxctl set -R /mnt/mbox/sensors max_bytes=64k when_full=drop_oldest",
		.options = "R",
		.min = 2, .max = INT_MAX, .run = do_set,
	}, {
		.name = "stop",
		.args = "PATH...",
		.brief = "refuse new messages; those there can be received",
		.text = "Of a group: all mailboxes in it and below that you own.",
		.example = "mboxctl stop /mnt/mbox/sensors",
		.options = "",
		.min = 1, .max = INT_MAX, .run = do_stop,
	}, {
		.name = "start",
		.args = "PATH...",
		.brief = "undo stop",
		.example = "mboxctl start /mnt/mbox/sensors",
		.options = "",
		.min = 1, .max = INT_MAX, .run = do_start,
	}, {
		.name = "purge",
		.args = "MAILBOX...",
		.brief = "throw all messages away; prints how many",
		.example = "mboxctl purge /mnt/mbox/q",
		.options = "j",
		.min = 1, .max = INT_MAX, .run = do_purge,
	}, {
		.name = "flush",
		.args = "PATH...",
		.brief = "make delayed messages readable now",
		.text = "Of a group: in all mailboxes in it and below that you may write.",
		.example = "mboxctl flush /mnt/mbox/q",
		.options = "",
		.min = 1, .max = INT_MAX, .run = do_flush,
	}, {
		.name = "revoke",
		.args = "PATH...",
		.brief = "take delayed messages back; prints how many",
		.text = "All in a mailbox that you own, else what you have sent. Of a group: in\n"
			"all mailboxes in it and below that you may write.",
		.example = "mboxctl revoke /mnt/mbox/q",
		.options = "j",
		.min = 1, .max = INT_MAX, .run = do_revoke,
	}, {
		.name = "broadcast",
		.args = "GROUP [TEXT...]",
		.brief = "send to every mailbox in a group; prints how many",
		.text = "To those directly in it that you may write; one that cannot take the\n"
			"message is passed over. TEXT and the input as for \"send\".",
		.example = "mboxctl broadcast /mnt/mbox/workers reload",
		.options = "Lptdj",
		.min = 1, .max = INT_MAX, .run = do_broadcast,
	}, {
		.name = "wait",
		.args = "MAILBOX",
		.brief = "wait until there is a message, or room for one",
		.text = "Room is room for a message of the largest size. A mailbox that is\n"
			"stopped is writable, and when it is empty readable: nobody has to wait.",
		.example = "mboxctl wait --readable --timeout 10s /mnt/mbox/q",
		.options = "rwT",
		.min = 1, .max = 1, .run = do_wait,
	}, {
		.name = "sleep",
		.args = "PATH",
		.brief = "wait at a barrier until somebody says \"awake\"",
		.example = "mboxctl sleep --timeout 1m /mnt/mbox/workers",
		.options = "Tn",
		.min = 1, .max = 1, .run = do_sleep,
	}, {
		.name = "awake",
		.args = "PATH...",
		.brief = "wake those who sleep; prints how many",
		.example = "mboxctl awake /mnt/mbox/workers",
		.options = "j",
		.min = 1, .max = INT_MAX, .run = do_awake,
	}, {
		.name = "barrier",
		.args = "PATH N",
		.brief = "wait until N have come, oneself included",
		.text = "Prints \"last\" to the last one, and nothing to the others.",
		.example = "mboxctl barrier /mnt/mbox/workers 4",
		.options = "Tnj",
		.min = 2, .max = 2, .run = do_barrier,
	}, {
		.name = "watch",
		.args = "[PATH]",
		.brief = "show what goes on, again and again",
		.text = "On a terminal the keys r (by rate), d (by depth) and q (quit) work.",
		.example = "mboxctl watch --sort depth --interval 500ms /mnt/mbox",
		.options = "iocj",
		.min = 0, .max = 1, .run = do_watch,
	}, {
		.name = "dump",
		.args = "PATH FILE",
		.brief = "save messages, limits and rights in a file",
		.text = "The messages of each mailbox are taken away (--take) in the order of\n"
			"receiving, at most as many as there are when it begins. Without\n"
			"--take that works only if no mailbox has more than one message, because no\n"
			"more can be looked at; else nothing is done.\n"
			"Kept: bytes, priority, tag, order; modes, limits, policies, \"stopped\". Not\n"
			"kept: who has sent a message, when, its number, what is left of its delay\n"
			"and ttl; owners, symbolic links, counters, mailboxes of processes.\n"
			"A message is received right into FILE.partial, which becomes FILE when it is\n"
			"complete: if the dump is killed, nothing is lost, and --seal FILE makes a\n"
			"dump of what there is. One that is interrupted (Ctrl-C) does so itself.\n"
			"What is delayed: --delayed leave leaves it there, --delayed publish takes it\n"
			"without its delay.",
		.example = "mboxctl dump --take /mnt/mbox /var/tmp/mbox.dump",
		.options = "xDej",
		.min = 1, .max = 2, .run = do_dump,
	}, {
		.name = "load",
		.args = "FILE GROUP",
		.brief = "make and send again what a dump has saved",
		.text = "The file is checked first: if it is damaged, nothing is done. What is\n"
			"there already keeps its limits and rights, gets the messages behind its\n"
			"own, and must have room for them. The messages are yours, sent now.",
		.example = "mboxctl load /var/tmp/mbox.dump /mnt/mbox",
		.options = "kj",
		.min = 2, .max = 2, .run = do_load,
	}, {
		.name = "bench",
		.args = "[GROUP]",
		.brief = "measure messages per second on this machine",
		.text = "In a mailbox without a name in GROUP: one process that sends and\n"
			"receives in turn, then one that sends to another one.",
		.example = "mboxctl bench --size 1000 /mnt/mbox",
		.options = "Scj",
		.min = 0, .max = 1, .run = do_bench,
	},
};

static void print_attrs(void)
{
	const char *word;
	int i, w;

	puts("\nNAME and what it takes:");
	for (i = 0; mbox_attr_name(i); i++) {
		if (mbox_attr_flags(i) & MBOX_ATTR_COUNTER)
			continue;
		printf("  %-22s", mbox_attr_name(i));
		for (w = 0; (word = mbox_attr_word(i, w)); w++)
			printf(" %s", word);
		if (!w)
			fputs(" a number", stdout);
		putchar('\n');
	}
	puts("Counters:");
	for (i = 0; mbox_attr_name(i); i++)
		if (mbox_attr_flags(i) & MBOX_ATTR_COUNTER)
			printf("  %s\n", mbox_attr_name(i));
}

static void print_verb(const struct verb *verb)
{
	printf("usage: mboxctl %s [OPTION]... %s\n\n%c%s.\n", verb->name,
	       verb->args, verb->brief[0] - 'a' + 'A', verb->brief + 1);
	if (verb->text)
		puts(verb->text);
	putchar('\n');
	print_options(verb);
	if (strchr(verb->options, 'd') || strchr(verb->options, 'T') ||
	    strchr(verb->options, 'i'))
		puts("\nTIME is a number of seconds, or ends with ns, us, ms, s, m or h.");
	if (strstr(verb->args, "NAME"))
		print_attrs();
	printf("\nexample: %s\n", verb->example);
}

static void print_help(void)
{
	unsigned int i;

	puts("usage: mboxctl VERB [OPTION]... [ARGUMENT]...\n\n"
	     "Works with the mailboxes and groups of a mounted mboxfs.\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].brief);
	puts("\n\"mboxctl VERB --help\" tells more, --version which mboxctl this is.\n\n"
	     "Exit status: 0 done; 1 an error; 2 wrong usage; 75 would have to wait, or\n"
	     "timed out.\n\n"
	     "example: mboxctl send /mnt/mbox/q hello && mboxctl recv /mnt/mbox/q");
}

static const struct verb *find_verb(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* What was printed has to have come out. Who does not want it says so himself. */
static int end_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return status ?: STATUS_ERROR;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct options o = {
		.mode = (mode_t)-1,
		.timeout_ns = MBOX_FOREVER,
		.delay_ns = -1,
		.interval_ns = NSEC_PER_SEC,
		.size = UINT64_MAX,
	};
	int status = parse_options(verb, &o, argc, argv), count;

	if (status < 0) {
		print_verb(verb);
		return STATUS_OK;
	}
	if (status)
		return status;
	count = argc - optind;
	if (count < verb->min)
		return bad_usage("an argument is missing: %s", verb->args);
	if (count > verb->max)
		return bad_usage("too many arguments: '%s'",
				 argv[optind + verb->max]);
	return verb->run(&o, count, argv + optind);
}

int main(int argc, char *argv[])
{
	const struct verb *verb;

	setlocale(LC_CTYPE, "");
	/* A reader that goes away is an error of writing. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return bad_usage("what to do? A verb is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help();
		return end_output(STATUS_OK);
	}
	if (!strcmp(argv[1], "--version")) {
		puts("mboxctl " VERSION);
		return end_output(STATUS_OK);
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return bad_usage("there is no verb '%s'", argv[1]);
	set_verb(verb->name);
	return end_output(run(verb, argc - 1, argv + 1));
}
