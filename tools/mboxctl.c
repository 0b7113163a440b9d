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
			"input is one message, or each of its lines with --lines. Who sends with\n"
			"--once and a --tag that grows may send again what he is not sure of: what\n"
			"the mailbox has had already is not sent, with status 1.",
		.example = "mboxctl send --tag 7 /mnt/mbox/q 'hello world'",
		.options = "LptOQdsTnC",
		.min = 1, .max = INT_MAX, .run = do_send,
	}, {
		.name = "recv",
		.args = "MAILBOX",
		.brief = "take one message, or more, and print it",
		.text = "Prints the bytes as they are. A message that has been taken and cannot\n"
			"be printed is lost. --timeout is for each message. --dead takes one of\n"
			"those that were tried too often, the oldest first, and does not wait.",
		.example = "mboxctl recv --timeout 5s /mnt/mbox/q",
		.options = "lcafFGBTnj",
		.min = 1, .max = 1, .run = do_recv,
	}, {
		.name = "peek",
		.args = "MAILBOX",
		.brief = "print the next message, and leave it there",
		.text = "Does not wait, but with --timeout.",
		.example = "mboxctl peek --json /mnt/mbox/q",
		.options = "lFGBTj",
		.min = 1, .max = 1, .run = do_peek,
	}, {
		.name = "work",
		.args = "MAILBOX [--] COMMAND [ARGUMENT...]",
		.brief = "run a command for each message",
		.text = "The command has the message as its standard input, and MBOX_SEQ,\n"
			"MBOX_ATTEMPTS, MBOX_PRIORITY, MBOX_TAG, MBOX_PID, MBOX_UID in its\n"
			"environment. The message is on lease meanwhile; with status 0 it is done.\n"
			"Else it comes again after the time of --retry, after twice that, and so on.\n"
			"If this is killed, all it had comes again. It ends when the mailbox is\n"
			"stopped and nothing is left. SIGTERM and SIGINT end it when those have\n"
			"ended that run; a second one ends them; the status is 0 then as well.",
		.example = "mboxctl work -j 4 -m 5 -k 1m /mnt/mbox/jobs -- sh -e",
		.options = "JYAKq",
		.min = 2, .max = INT_MAX, .command = true, .run = do_work,
	}, {
		.name = "look",
		.args = "MAILBOX",
		.brief = "list messages, and leave them there",
		.text = "In the order in which they would be received, then what is delayed, on\n"
			"lease, dead. TRIES is how often one has been on lease. -l has also when it\n"
			"is due, what it has left to live, who has sent it. --json has all of it.",
		.example = "mboxctl look --what leased,dead /mnt/mbox/jobs",
		.options = "WNj",
		.min = 1, .max = 1, .run = do_look,
	}, {
		.name = "cancel",
		.args = "MAILBOX NUMBER...",
		.brief = "take single messages back; prints how many",
		.text = "Those with these numbers (SEQ), or tags, that are readable or delayed:\n"
			"all in a mailbox that you own, else what you have sent. Status 1 if there\n"
			"are none.",
		.example = "mboxctl cancel --tag /mnt/mbox/jobs 7",
		.options = "Uj",
		.min = 2, .max = INT_MAX, .run = do_cancel,
	}, {
		.name = "bury",
		.args = "MAILBOX SEQ...",
		.brief = "make single messages dead; prints how many",
		.text = "A readable one is taken on lease, and buried. It can be asked for by its\n"
			"tag only, so others with that tag in front of it are taken, too, and put\n"
			"back where they were: that is an attempt more for each. If it would be the\n"
			"last for one of them, nothing is done. What is on lease can be buried by\n"
			"its reader only, and what is delayed not at all.",
		.example = "mboxctl bury /mnt/mbox/jobs 1047",
		.options = "j",
		.min = 2, .max = INT_MAX, .run = do_bury,
	}, {
		.name = "kick",
		.args = "MAILBOX...",
		.brief = "make dead messages readable again; prints how many",
		.text = "With no attempts, in the order in which they have died.",
		.example = "mboxctl kick /mnt/mbox/jobs",
		.options = "j",
		.min = 1, .max = INT_MAX, .run = do_kick,
	}, {
		.name = "ls",
		.args = "[PATH...]",
		.brief = "list groups and mailboxes as a tree",
		.text = "Used and bound (5/100; bytes of all that is there), how many are\n"
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
		.text = "All messages are copied, and stay: bytes, priority, tag, order; what is\n"
			"left of their delay and ttl; attempts; which are dead. So are modes, owners,\n"
			"limits, policies, \"stopped\", once_tag. What is on lease comes back as\n"
			"the next one of its priority.\n"
			"Others may send and receive meanwhile: what is there all the time is in the\n"
			"file once, what they send is not. Not kept: who has sent a message, when,\n"
			"its number; symbolic links, counters, mailboxes of processes.\n"
			"With --take all that is readable or dead is taken away, right into\n"
			"FILE.partial, which becomes FILE when it is complete: if that is killed,\n"
			"nothing is lost, and --seal FILE makes a dump of what there is. One that is\n"
			"interrupted (Ctrl-C) does so itself. What is delayed then: --delayed leave\n"
			"leaves it there, --delayed publish takes it without its delay.",
		.example = "mboxctl dump /mnt/mbox /var/tmp/mbox.dump",
		.options = "xDej",
		.min = 1, .max = 2, .run = do_dump,
	}, {
		.name = "load",
		.args = "FILE GROUP",
		.brief = "make and send again what a dump has saved",
		.text = "The file is checked first: if it is damaged, nothing is done. What is\n"
			"there already keeps its limits and rights, gets the messages behind its\n"
			"own, and must be yours and have room for them. The messages are yours,\n"
			"sent now; delays and ttl go on where they were.",
		.example = "mboxctl load /var/tmp/mbox.dump /mnt/mbox",
		.options = "kj",
		.min = 2, .max = 2, .run = do_load,
	}, {
		.name = "save",
		.args = "[MOUNT] DIR",
		.brief = "save all messages of a mount, to be restored",
		.text = "As \"dump\" without --take, in the file mboxfs.dump of a folder, which\n"
			"is made if it is not there. An older one is there until the new one is\n"
			"complete and on the disk. MOUNT is /mnt/mbox, /dev/mbox, or the only one.",
		.example = "mboxctl save /var/tmp/mbox",
		.options = "j",
		.min = 1, .max = 2, .run = do_save,
	}, {
		.name = "restore",
		.args = "DIR [MOUNT]",
		.brief = "put back what \"save\" has saved; all or nothing",
		.text = "A damaged file is refused, as is a mailbox in which there are messages,\n"
			"or has no room. If it fails, or is interrupted, what it has done is undone.\n"
			"What is there already keeps its limits and rights. As root, owners come\n"
			"back, too. MOUNT as for \"save\".",
		.example = "mboxctl restore /var/tmp/mbox",
		.options = "zj",
		.min = 1, .max = 2, .run = do_restore,
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
	    strchr(verb->options, 'i') || strchr(verb->options, 'K'))
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
		.jobs = 1,
		.retry_ns = NSEC_PER_SEC,
		.kill_ns = -1,
		.what = MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED |
			MBOXFS_LOOK_LEASED | MBOXFS_LOOK_DEAD,
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
