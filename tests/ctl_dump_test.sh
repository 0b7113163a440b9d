#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mboxctl dump and load: what is kept, and that nothing is lost.
. "$(dirname "$0")/ctl.sh"

# What a group of all kinds is after a dump and a load.
make_tree()
{
	mboxctl create -g -m 750 t group_max_bytes=1m
	mboxctl create -g t/sub when_full=fail
	mboxctl create -m 620 t/sub/q max_messages=5 ttl_ms=3600000
	mboxctl create t/empty stopped=1
	mboxctl create t/r
	mboxctl send t/sub/q one two
	mboxctl send -p 9 -t 77 t/sub/q urgent
	printf '\0\1\377' | mboxctl send t/sub/q
	mboxctl send t/sub/q ''
	head -c 65536 /dev/zero | mboxctl send t/r
	mboxctl stop t/r
}

contents()
{
	local q

	for q in "$1"/sub/q "$1"/r; do
		mboxctl recv --all --json "$q"
	done | jq -c '[.message, .length, .priority, .tag]'
}

settings()
{
	find "$1" -printf '%P %y %m\n' | sort
	mboxctl get -R "$1" | sed 's|^[^/:]*||' |
		grep -vE ' (.*_total|group_bytes|messages|bytes|next_size)=' |
		sort
}

test_dump_and_load_keep_what_they_say()
{
	make_tree
	rm -f /tmp/dump
	settings t >/tmp/settings
	status 0 mboxctl dump --take t /tmp/dump
	is "$(cat $out)" "messages=6 mailboxes=3"
	is "$(attr t group_bytes)" 0
	fails test -e /tmp/dump.partial
	status 0 mboxctl load --json /tmp/dump u
	is "$(json '.messages, .mailboxes' | tr '\n' ' ')" "6 3 "
	settings u | diff /tmp/settings -
	contents u >/tmp/got
	# Into what is there, too.
	mboxctl start t/r
	status 0 mboxctl load /tmp/dump t
	contents t | diff - /tmp/got
	is "$(sed 's/.\{500,\}/long/' /tmp/got)" '["urgent",6,9,77]
["one",3,0,0]
["two",3,0,0]
["AAH/",3,0,0]
["",0,0,0]
long'
	is "$(wc -l </tmp/got)" 6
}

test_dump_of_a_single_mailbox()
{
	mboxctl create q
	mboxctl send q one two
	rm -f /tmp/dump
	status 1 mboxctl dump q /tmp/dump
	says "q: 2 messages, but only one can be copied; --take takes them"
	fails test -e /tmp/dump
	status 0 mboxctl dump --take --json ./q /tmp/dump
	is "$(json .messages)" 2
	mboxctl create -g g
	mboxctl load /tmp/dump g
	is "$(mboxctl recv -al g/q)" $'one\ntwo'
}

test_dump_without_take_leaves_the_messages()
{
	mboxctl create q
	mboxctl send -t 3 q one
	rm -f /tmp/dump
	status 0 mboxctl dump . /tmp/dump
	is "$(attr q messages) $(attr q received_total)" "1 0"
	mboxctl load /tmp/dump g
	is "$(mboxctl recv --tagged 3 g/q)" one
	# A file that is there is not written over.
	status 1 mboxctl dump --take . /tmp/dump
	says "/tmp/dump: is there already"
	is "$(attr q messages)" 1
}

test_dump_of_delayed_messages()
{
	mboxctl create q
	mboxctl send q now
	mboxctl send --delay 1h q later
	rm -f /tmp/dump
	status 1 mboxctl dump --take . /tmp/dump
	says "1 messages are delayed; use --delayed=leave, or publish"
	is "$(attr q messages)" 1
	status 0 mboxctl dump --take --delayed leave . /tmp/dump
	says "1 delayed messages are still there"
	is "$(attr q delayed_messages)" 1
	mv /tmp/dump /tmp/dump.1
	status 0 mboxctl dump --take --delayed publish . /tmp/dump
	is "$(attr q delayed_messages) $(attr q messages)" "0 0"
	mboxctl load /tmp/dump.1 g
	mboxctl load /tmp/dump g
	is "$(mboxctl recv -al g/q)" $'now\nlater'
}

test_dump_of_large_messages_and_many()
{
	mboxctl create q max_message_size=0 max_bytes=0 max_messages=0
	seq 5000 | mboxctl send -l q
	head -c 30000000 /dev/urandom >/tmp/large
	mboxctl send q </tmp/large
	mboxctl send q end
	rm -f /tmp/dump
	mboxctl dump --take . /tmp/dump >/dev/null
	mboxctl purge q >/dev/null
	mboxctl load /tmp/dump g >/dev/null
	mboxctl recv -c 5000 -l g/q | cmp - <(seq 5000)
	mboxctl recv g/q | cmp - /tmp/large
	is "$(mboxctl recv g/q)" end
	rm /tmp/large /tmp/dump
}

# hit_by SIGNAL COMMAND...: in the midst of its work, however fast that is
hit_by()
{
	local when=$((300 + RANDOM % 300)) signal=$1

	shift
	strace -qq -o /dev/null -e trace=ioctl \
		-e "inject=ioctl:signal=$signal:when=$when" "$@"
}

test_dump_that_is_killed_loses_nothing()
{
	local saved left

	mboxctl create q max_messages=0 max_bytes=0
	seq 1000 | mboxctl send -l q
	rm -f /tmp/dump /tmp/dump.partial
	fails hit_by KILL mboxctl dump --take . /tmp/dump >$out 2>$err
	test -e /tmp/dump.partial
	status 1 mboxctl load /tmp/dump.partial g
	says "not complete; see --seal"
	status 1 mboxctl dump --take . /tmp/dump
	says "left by a dump that was killed; use dump --seal /tmp/dump"
	left=$(attr q messages)
	status 0 mboxctl dump --seal /tmp/dump
	saved=$(sed 's/messages=\([0-9]*\) .*/\1/' $out)
	is $((left + saved)) 1000
	[ "$left" -gt 0 ] && [ "$saved" -gt 0 ]
	mboxctl load /tmp/dump g >/dev/null
	{ mboxctl recv -al g/q; mboxctl recv -al q; } | cmp - <(seq 1000)
}

test_dump_that_is_interrupted_completes_itself()
{
	local rc=0

	mboxctl create q max_messages=0 max_bytes=0
	seq 1000 | mboxctl send -l q
	rm -f /tmp/dump
	hit_by TERM mboxctl dump --take . /tmp/dump >$out 2>$err || rc=$?
	is $rc 1
	says "interrupted"
	[ "$(attr q messages)" -gt 0 ]
	mboxctl load /tmp/dump g >/dev/null
	{ mboxctl recv -al g/q; mboxctl recv -al q; } | cmp - <(seq 1000)
}

test_dump_on_a_full_disk_loses_nothing()
{
	mkdir -p /tmp/small
	mount -t tmpfs -o size=2m small /tmp/small
	mboxctl create q max_messages=0 max_bytes=0
	head -c 60000 /dev/zero >/tmp/body
	for _ in $(seq 60); do
		mboxctl send q </tmp/body
	done
	status 1 mboxctl dump --take . /tmp/small/dump
	grep -q 'no room: No space left' $err
	mboxctl load /tmp/small/dump g >/dev/null
	umount /tmp/small
	[ "$(attr g/q messages)" -gt 0 ]
	is $(($(attr q messages) + $(attr g/q messages))) 60
}

# refused: /tmp/damaged is, as a whole. By the shell alone, for there are many.
refused()
{
	local got=0 said

	mboxctl load /tmp/damaged g 2>$err || got=$?
	is $got 1
	read -r said <$err
	[[ $said == *"; nothing has been loaded" ]] || fail "$1: $said"
}

# Each byte of a dump, many lengths, and not even a group is made.
test_a_damaged_dump_is_refused_whole()
{
	local bytes size i other
	# Each byte; or some, others each time.
	local step=${TEST_LONG:+1}

	mboxctl create q
	mboxctl send q hello
	rm -f /tmp/dump
	mboxctl dump --take q /tmp/dump >/dev/null
	mapfile -t bytes < <(od -An -v -tx1 -w1 /tmp/dump | tr -d ' ')
	size=${#bytes[@]}
	is "$size" "$(stat -c %s /tmp/dump)"
	bytes=("${bytes[@]/#/\\x}")
	step=${step:-13}
	for ((i = RANDOM % step; i < size; i += step)); do
		printf -v other '\\x%02x' $((0x${bytes[i]:2} ^ 1 << i % 8))
		printf '%b' "${bytes[@]:0:i}" "$other" "${bytes[@]:i+1}" \
			>/tmp/damaged
		refused "byte $i"
	done
	for ((i = 0; i < size; i += 17)); do
		printf '%b' "${bytes[@]:0:i}" >/tmp/damaged
		refused "length $i"
	done
	printf '%b' "${bytes[@]}" x >/tmp/damaged
	refused "one byte more"
	fails test -e g
	is "$(attr q messages)" 0
	# And the undamaged one is not.
	printf '%b' "${bytes[@]}" >/tmp/damaged
	mboxctl load /tmp/damaged g
	is "$(mboxctl recv g/q)" hello
}

test_load_needs_room_in_what_is_there()
{
	mboxctl create q
	mboxctl send q one two three
	rm -f /tmp/dump
	mboxctl dump --take . /tmp/dump >/dev/null
	mboxctl set q max_messages=2
	status 1 mboxctl load /tmp/dump .
	says "q: there would be more messages than its max_messages; nothing has been loaded"
	mboxctl set q max_messages=10 max_bytes=5
	status 1 mboxctl load /tmp/dump .
	mboxctl set q max_bytes=100 max_message_size=3
	status 1 mboxctl load /tmp/dump .
	mboxctl set q max_message_size=10 stopped=1
	status 1 mboxctl load /tmp/dump .
	is "$(attr q sent_total)" 3
	mboxctl set q stopped=0
	mboxctl load --skip 1 /tmp/dump . >/dev/null
	is "$(mboxctl recv -al q)" $'two\nthree'
	status 2 mboxctl load --skip 4 /tmp/dump .
}

test_load_follows_no_symbolic_links()
{
	mboxctl create -g t
	mboxctl create -g t/sub
	mboxctl create t/sub/q
	mboxctl send t/sub/q x
	rm -f /tmp/dump
	mboxctl dump --take t /tmp/dump >/dev/null
	mboxctl create -g other
	mboxctl create -g u
	ln -s ../other u/sub
	status 1 mboxctl load /tmp/dump u
	fails test -e other/q
	rm u/sub
	mboxctl create -g u/sub
	mboxctl create other/q
	ln -s ../../other/q u/sub/q
	status 1 mboxctl load /tmp/dump u
	is "$(attr other/q messages)" 0
}

test_mailboxes_of_processes_are_left_out()
{
	mboxctl create -g p naming=pid
	: >"p/$$"
	mboxctl create q
	mboxctl send q one
	rm -f /tmp/dump
	status 0 mboxctl dump --take . /tmp/dump
	says "left out: only its process can receive"
	is "$(cat $out)" "messages=1 mailboxes=1"
	mboxctl load /tmp/dump g >/dev/null
	is "$(attr g/p naming)" pid
}

run_tests "$@"
