#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mboxctl: each verb, and what it prints.
. "$(dirname "$0")/ctl.sh"

test_create()
{
	(umask 027 && mboxctl create q)
	is "$(stat -c '%F %a' q)" "regular empty file 640"
	mboxctl create --mode 604 r max_messages=2 when_full=fail max_bytes=4k
	is "$(stat -c %a r)" 604
	is "$(attr r max_messages) $(attr r when_full) $(attr r max_bytes)" \
		"2 fail 4096"
	mboxctl create -g -m 2770 g group_max_mailboxes=1 naming=id
	is "$(stat -c '%F %a' g)" "directory 2770"
	mboxctl create g/5
	status 1 mboxctl create g/6
	says "group_max_mailboxes"
	status 1 mboxctl create q
	says "mboxctl: create: q: File exists"
	# Nothing is made if something is wrong.
	status 2 mboxctl create s max_messages=ten
	says "max_messages: 'ten'"
	status 2 mboxctl create s mesages=10
	status 2 mboxctl create s messages=10
	status 2 mboxctl create s naming=id
	says "a mailbox has no naming"
	status 2 mboxctl create -g s stopped=1
	fails test -e s
}

test_send_from_arguments_and_input()
{
	mboxctl create q
	mboxctl send q one 'two words' ''
	printf 'a\nb\n' | mboxctl send q
	printf 'a\n\nb' | mboxctl send --lines q
	mboxctl send q </dev/null
	is "$(attr q messages)" 8
	mboxctl send q -- -dash
	mboxctl recv --json --count 9 q >$out
	is "$(json .message | tr '\n' ,)" "one,two words,,a,b,,a,,b,,-dash,"
	is "$(jq -c .length $out | tr '\n' ,)" 3,9,0,4,1,0,1,0,5,
}

test_send_does_not_create_unless_asked()
{
	status 1 mboxctl send q x
	says "mboxctl: send: q: No such file or directory"
	fails test -e q
	mboxctl send --create q x
	mboxctl send --create q y
	is "$(attr q messages)" 2
	# Another user's mailbox, where O_CREAT would be refused.
	chmod 1777 .
	chown 1001 q
	mboxctl send q z
	mboxctl send --create q z
	is "$(attr q messages)" 4
}

test_send_says_which_limit()
{
	mboxctl create q max_messages=2 max_message_size=5
	mboxctl send q a b
	status 75 mboxctl send --nonblock q c
	says "mboxctl: send: q: mailbox full: max_messages is 2"
	status 75 mboxctl send --timeout 50ms q c
	says "mboxctl: send: q: timed out; mailbox full: max_messages is 2"
	status 75 mboxctl send --timeout 0 q c
	status 1 mboxctl send q 123456
	says "message too long: 6 bytes, max_message_size is 5"
	mboxctl set q when_full=fail
	status 1 mboxctl send q c
	says "max_messages is 2, when_full is fail"
	mboxctl stop q
	status 1 mboxctl send q c
	says "the mailbox is stopped"
	is "$(attr q messages)" 2
}

test_send_priority_tag_and_delay()
{
	mboxctl create q
	mboxctl send --tag 5 q low
	mboxctl send -p 3 -t 18446744073709551615 q high
	mboxctl send --delay 1h q later
	is "$(attr q delayed_messages)" 1
	status 75 mboxctl recv --tagged 6 --nonblock q
	is "$(mboxctl recv --tagged 5 q)" low
	mboxctl recv --json q >$out
	is "$(json .message) $(jq .priority $out)" "high 3"
	grep -q '"tag":18446744073709551615,' $out
	status 75 mboxctl recv --nonblock q
	says "its messages are delayed"
	mboxctl flush q
	is "$(mboxctl recv q)" later
}

test_send_sync_waits_for_the_reader()
{
	local pid

	mboxctl create q
	status 75 mboxctl send --sync --timeout 50ms q x
	says "timed out; others wait already, or nobody has received it"
	is "$(attr q messages)" 0
	mboxctl recv q >$out &
	pid=$!
	await q readers_waiting 1
	mboxctl send --sync q hello
	wait $pid
	is "$(cat $out)" hello
}

test_messages_are_any_bytes()
{
	head -c 60000 /dev/urandom >/tmp/bytes
	printf '\0\377\n\r' >>/tmp/bytes
	mboxctl create q
	mboxctl send q </tmp/bytes
	mboxctl peek q | cmp - /tmp/bytes
	mboxctl peek --json q >$out
	is "$(json .message_encoding)" base64
	jq -r .message $out | busybox base64 -d | cmp - /tmp/bytes
	mboxctl recv q | cmp - /tmp/bytes
	# What can be text is text.
	printf 'tab\t"q" \\ \0 \177 \303\244 \360\237\230\200' >/tmp/bytes
	mboxctl send q </tmp/bytes
	mboxctl peek --json q >$out
	is "$(json .message_encoding)" null
	jq -j .message $out | cmp - /tmp/bytes
	mboxctl recv q >/dev/null
	# Overlong, surrogate, too large, cut off.
	for bytes in '\300\200' '\340\200\200' '\355\240\200' '\364\220\200\200' \
		'\303' '\200'; do
		# shellcheck disable=SC2059
		printf "$bytes" | mboxctl send q
		mboxctl recv --json q >$out
		is "$(json .message_encoding)" base64
	done
}

test_a_message_of_the_largest_size()
{
	mboxctl create q max_message_size=0 max_bytes=0
	head -c 67108864 /dev/zero | mboxctl send q
	is "$(mboxctl recv q | wc -c)" 67108864
	head -c 67108865 /dev/zero >/tmp/large
	status 1 mboxctl send q </tmp/large
	rm /tmp/large
	says "no message can be longer than 67108864 bytes"
}

test_recv_takes_one_or_more()
{
	local pid

	mboxctl create q
	mboxctl send q one two three four five six
	is "$(mboxctl recv q)" one
	is "$(attr q messages)" 5
	is "$(mboxctl recv --lines --count 2 q)" $'two\nthree'
	is "$(mboxctl recv --all q)" fourfivesix
	status 0 mboxctl recv --all q
	status 75 mboxctl recv --nonblock q
	says "mboxctl: recv: q: nothing to receive: the mailbox is empty"
	status 75 mboxctl recv --timeout 20ms q
	says "timed out; nothing to receive"
	mboxctl recv --follow -l q >/tmp/follow &
	pid=$!
	await q readers_waiting 1
	mboxctl send q seven eight
	soon yields $'seven\neight' cat /tmp/follow
	mboxctl stop q
	wait $pid
	status 1 mboxctl recv q
	says "the mailbox is stopped"
}

test_recv_from_a_process()
{
	mboxctl create q
	mboxctl send q first
	bash -c 'exec mboxctl send q mine' &
	wait $!
	is "$(mboxctl recv --from $! q)" mine
	status 75 mboxctl recv --from $! --nonblock q
	is "$(mboxctl recv q)" first
}

test_recv_takes_nothing_for_nobody()
{
	local rc=0

	mboxctl create q
	mboxctl send q a b c
	# Its reader has gone before.
	rm -f /tmp/fifo
	mkfifo /tmp/fifo
	exec 3<>/tmp/fifo
	exec 4>/tmp/fifo
	exec 3>&-
	mboxctl recv --all q >&4 2>$err || rc=$?
	exec 4>&-
	is $rc 1
	is "$(attr q messages)" 3
	# What is taken and cannot be written is told.
	status 1 bash -c 'mboxctl recv q >/dev/full'
	says "a message is lost: cannot write it: No space left"
	status 1 bash -c 'mboxctl ls . >/dev/full'
}

test_signals_end_a_wait()
{
	local rc=0

	mboxctl create q
	mboxctl recv q >$out &
	await q readers_waiting 1
	kill -TERM $!
	wait $! || rc=$?
	is $rc 143
	is "$(attr q readers_waiting)" 0
}

test_peek_leaves_it_there()
{
	mboxctl create q
	status 75 mboxctl peek q
	status 75 mboxctl peek --timeout 10ms q
	mboxctl send -t 1 q one
	mboxctl send -t 2 q two
	is "$(mboxctl peek q)" one
	is "$(mboxctl peek --lines --tagged 2 q)" two
	is "$(attr q messages)" 2
}

test_ls_shows_a_tree()
{
	mboxctl create -g g group_max_bytes=2k
	mboxctl create g/a max_messages=3
	mboxctl create g/b max_messages=0 max_bytes=0
	mboxctl send g/a 12345
	mboxctl send --delay 1h g/a 6
	mboxctl stop g/b
	ln -s a g/link
	mboxctl recv --tagged 9 g/a &
	await g/a readers_waiting 1
	status 0 mboxctl ls g
	kill $!
	is "$(sed -n '2p' $out | tr -s ' ')" " - 6/2k - - - g/"
	is "$(sed -n '3p' $out | tr -s ' ')" " 1/3 6/1m 1 1 0 a"
	is "$(sed -n '4p' $out | tr -s ' ')" " 0 0 0 0 0 b (stopped)"
	is "$(wc -l <$out)" 4
	status 0 mboxctl ls --json g
	is "$(json 'select(.kind == "mailbox") | .path' | tr '\n' ' ')" \
		"g/a g/b "
	is "$(jq -s '.[0].group_max_bytes, .[1].max_messages, .[1].messages' \
		$out | tr '\n' ' ')" "2048 3 1 "
}

test_names_do_not_steer_the_terminal()
{
	local name=$'x\033[31m\n\377'

	: >"$name"
	status 0 mboxctl ls .
	! grep -q "$(printf '\033')" $out || fail "an escape came through"
	is "$(wc -l <$out)" 3
	status 0 mboxctl ls --json .
	is "$(json 'select(.kind == "mailbox") | .path_encoding')" base64
	is "$(jq -r 'select(.kind == "mailbox") | .path' $out |
		busybox base64 -d)" "./$name"
	status 1 mboxctl recv "$name$name"
	says "No such file"
}

test_what_must_not_be_read_is_shown_as_unknown()
{
	mboxctl create q
	chmod 200 q
	mboxctl create -m 644 r
	status 0 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$tools/mboxctl" ls .
	is "$(sed -n 3p $out | tr -s ' ')" " ? ? ? ? ? q"
	status 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$tools/mboxctl" get q
	says "mboxctl: get: q: Permission denied"
	status 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$tools/mboxctl" stop r
	status 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$tools/mboxctl" set r max_messages=1
	says "r: "
	is "$(attr r max_messages)" 4096
}

test_stat()
{
	mboxctl create -m 640 q max_messages=7
	mboxctl send q abc
	status 0 mboxctl stat q .
	grep -q '^q: mailbox, mode 0640, user 0, group 0, ' $out
	grep -qE '^  max_messages +7$' $out
	grep -qE '^  next_size +3$' $out
	grep -qE '^  group_mailboxes +1$' $out
	status 0 mboxctl stat --json q .
	is "$(json '.kind' | tr '\n' ' ')" "mailbox group "
	is "$(jq -s '.[0].sent_total, .[0].bytes' $out | tr '\n' ' ')" "1 3 "
	is "$(jq -rs '.[0].mode, .[0].when_full' $out | tr '\n' ' ')" \
		"0640 block "
}

# Each number and word as getfattr knows it, so that none is taken for another.
test_stat_and_get_agree_with_the_attributes()
{
	local name value

	mboxctl create q max_message_size=11 max_messages=12 max_bytes=13 \
		ttl_ms=1000000 delay_change=idle short_read=refuse \
		when_full=fail when_empty=eof flush_on_close=1 type=fifo
	mboxctl send q ab c d
	mboxctl recv q >/dev/null
	mboxctl send --delay 1h q efg
	mboxctl revoke q >/dev/null
	mboxctl set q send_delay_ms=50000
	mboxctl send q hijk 2>/dev/null
	mboxctl stat q >/tmp/stat
	mboxctl get q >/tmp/get
	[ "$(wc -l <$out)" -gt 0 ] || true
	getfattr -d q | sed -n 's/^user.mboxfs.\(.*\)="\(.*\)"/\1 \2/p' >/tmp/attrs
	[ "$(wc -l </tmp/attrs)" -ge 25 ]
	while read -r name value; do
		grep -qE "^  $name +$value\$" /tmp/stat ||
			fail "stat: $(grep "^  $name " /tmp/stat) is not $value"
		grep -qx "$name=$value" /tmp/get ||
			fail "get: $(grep "^$name=" /tmp/get) is not $value"
	done </tmp/attrs
}

test_get_and_set()
{
	mboxctl create q
	mboxctl set q max_messages=10 when_full=drop_oldest max_bytes=2k
	is "$(mboxctl get q max_messages when_full max_bytes)" \
		$'max_messages=10\nwhen_full=drop_oldest\nmax_bytes=2048'
	is "$(mboxctl get --bare q max_messages)" 10
	status 0 mboxctl get --json q max_messages when_full
	is "$(json '.max_messages, .when_full' | tr '\n' ' ')" "10 drop_oldest "
	mboxctl set q max_messages=default
	is "$(attr q max_messages)" 4096
	status 1 mboxctl get q next_size
	says "next_size: the mailbox is empty"
	status 1 mboxctl get q naming
	says "a mailbox has no naming"
	status 1 mboxctl set q naming=id
	says "naming: not of this kind of file"
	status 2 mboxctl get q mesages
	says "there is no attribute 'mesages'"
	status 2 mboxctl set q max_messages
	says "'max_messages' is not NAME=VALUE"
	status 2 mboxctl set q messages=1
	says "messages is a counter and cannot be set"
	# All is looked at before anything is set.
	status 2 mboxctl set q max_messages=5 when_full=maybe
	says "when_full: 'maybe'"
	is "$(attr q max_messages)" 4096
	status 1 mboxctl set q send_delay_ms=5000000000
	says "send_delay_ms: "
}

test_recursive_get_and_set()
{
	mboxctl create -g g
	mboxctl create -g g/h
	mboxctl create g/q
	mboxctl create g/h/r
	mboxctl set -R g max_messages=9 stopped=1
	is "$(mboxctl get -R g max_messages | tr '\n' ' ')" \
		"g: max_messages=9 g/h: max_messages=9 g/h/r: max_messages=9 g/q: max_messages=9 "
	is "$(attr g/q stopped)$(attr g/h/r stopped)" 11
	status 0 mboxctl get -R --json g stopped
	is "$(json 'select(.stopped == 1) | .path' | tr '\n' ' ')" \
		"g/h/r g/q "
	status 1 mboxctl set -R g/q naming=id
	says "nothing there has such a setting"
}

test_stop_start_purge_flush_revoke()
{
	mboxctl create -g g
	mboxctl create g/q
	mboxctl create g/r
	mboxctl send g/q a b
	mboxctl stop g
	is "$(attr g/q stopped)$(attr g/r stopped)" 11
	mboxctl start g/q g/r
	is "$(attr g/q stopped)$(attr g/r stopped)" 00
	is "$(mboxctl purge g/q g/r | tr '\n' ' ')" "2 0 "
	mboxctl send --delay 1h g/q a b c
	mboxctl send --delay 1h g/r a
	is "$(mboxctl revoke g/q)" 3
	status 0 mboxctl revoke --json g
	is "$(json .messages)" 1
	mboxctl send --delay 1h g/q a
	mboxctl flush g
	is "$(attr g/q messages)" 1
	status 0 mboxctl purge --json g/q
	is "$(json '.path, .messages' | tr '\n' ' ')" "g/q 1 "
	# One that fails does not keep the others from it.
	status 1 mboxctl stop none g/q
	is "$(attr g/q stopped)" 1
}

test_broadcast()
{
	mboxctl create -g g
	mboxctl create g/a
	mboxctl create g/b max_messages=1
	mboxctl send g/b full
	mboxctl create g/c
	is "$(mboxctl broadcast --tag 4 g hello)" 2
	is "$(mboxctl recv --tagged 4 g/a)" hello
	status 0 mboxctl broadcast --json g <<<again
	is "$(json .mailboxes)" 2
	printf 'x\ny\n' | mboxctl broadcast --lines g >$out
	is "$(tr '\n' ' ' <$out)" "2 2 "
	is "$(attr g/c messages)" 4
}

test_wait()
{
	local patience

	patience 20
	mboxctl create q max_messages=1 max_message_size=10
	status 75 mboxctl wait --timeout 20ms q
	says "mboxctl: wait: q: timed out; nothing to receive"
	status 0 mboxctl wait --writable q
	mboxctl send q x
	status 0 mboxctl wait --readable q
	status 75 mboxctl wait --writable --timeout 20ms q
	says "timed out; no room"
	(sleep 0.2; mboxctl recv q >/dev/null) &
	status 0 mboxctl wait --writable --timeout "${patience}s" q
	wait
	(sleep 0.2; mboxctl send q y) &
	status 0 mboxctl wait --timeout "${patience}s" q
	wait
}

test_barriers()
{
	local i patience

	patience 20
	mboxctl create -g g
	mboxctl create q
	status 75 mboxctl sleep --timeout 20ms g
	says "mboxctl: sleep: g: timed out"
	status 75 mboxctl sleep --nonblock q
	is "$(mboxctl awake g)" 0
	for i in g q; do
		mboxctl sleep --timeout "${patience}s" $i &
		await $i barrier_sleepers 1
		status 0 mboxctl awake --json $i
		is "$(json .awoken)" 1
		wait $!
	done
	for i in 1 2 3; do
		mboxctl barrier --timeout "${patience}s" g 3 >/tmp/barrier.$i &
	done
	wait
	is "$(cat /tmp/barrier.[123])" last
	status 0 mboxctl barrier --json g 1
	is "$(json .last)" true
	mboxctl barrier --timeout "${patience}s" q 2 >/dev/null &
	soon yields 1 busybox sh -c \
		'mboxctl barrier --nonblock q 3 2>&1 | grep -c "not 3 parties"'
	mboxctl barrier q 2 >/dev/null
	wait
}

test_watch_in_plain_lines()
{
	local seconds

	mboxctl create -g g
	mboxctl create g/slow
	mboxctl create g/fast max_messages=100
	mboxctl send g/slow a b c
	# More time between the two, if the sender did not come in between.
	for seconds in 2 4 8 16 32; do
		mboxctl purge g/fast >/dev/null
		: >$out
		(await_text $out g/slow; seq 50 | mboxctl send -l g/fast) &
		status 0 mboxctl watch --count 2 --interval ${seconds}s .
		wait
		! sed -n 10p $out | grep -q ' 50 .* g/fast$' || break
	done
	! grep -q "$(printf '\033')" $out || fail "not plain"
	# First there is no rate, and the deeper one comes first.
	is "$(sed -n 4p $out | tr -s ' ')" " - - 3 3 0% 0 0 0 g/slow"
	grep -q '^2 mailboxes, 3 messages, 3 bytes; ' $out
	# Head, head, titles, two mailboxes, an empty line.
	is "$(wc -l <$out)" 11
	sed -n 10p $out | grep -qE '^ +[1-9][0-9]* +0 +50 .* 50% .* g/fast$' ||
		fail "$(cat $out)"
	mboxctl send g/slow d
	status 0 mboxctl watch -s depth -c 1 g
	sed -n 4p $out | grep -q ' fast$'
	status 0 mboxctl watch --json --count 2 --interval 50ms .
	is "$(json .mailbox | sort | uniq -c | tr -s ' \n' ' ')" \
		" 2 g/fast 2 g/slow "
	is "$(jq -cs 'map(.sent_per_second)' $out)" "[null,null,0,0]"
}

test_watch_survives_what_comes_and_goes()
{
	local i

	mboxctl create -g g
	(for i in $(seq 12); do
		mboxctl create g/$((i % 3)) || true
		mkdir g/d$((i % 2)) || true
		rm -rf g/$(((i + 1) % 3)) g/d$(((i + 1) % 2))
	done 2>/dev/null) &
	status 0 mboxctl watch --count 10 --interval 20ms .
	wait
	is "$(grep -c SENT/S $out)" 10
	is "$(cat $err)" ""
	# It ends with its group, and says why.
	mboxctl watch --interval 50ms "$PWD/g" >$out 2>$err &
	soon yields 1 grep -cm1 SENT/S $out
	rm -r g
	i=0
	wait $! || i=$?
	is $i 1
	grep -q 'g: No such file' $err
}

test_watch_on_a_terminal()
{
	local esc patience

	patience 20
	esc=$(printf '\033')
	mboxctl create "$(printf 'long%.0s' {1..40})"
	rm -f /tmp/before /tmp/after
	: >$out
	# The keys: by depth, and quit. What is shown tells when to press them.
	# shellcheck disable=SC2094
	(await_text $out SENT/S; printf d; await_text $out "by depth"; printf q) |
		TERM=linux timeout "$patience" script -qec "stty cols 60 rows 10
			stty -g >/tmp/before; mboxctl watch -n 300ms
			stty -g >/tmp/after" /dev/null >$out
	cmp /tmp/before /tmp/after
	grep -q "by depth" $out
	grep -qF "${esc}[?1049l" $out
}

test_bench()
{
	status 0 mboxctl bench --count 500 --size 100 .
	grep -qE '^100 bytes: one process [0-9]+/s, [0-9]+ ns each; two processes [0-9]+/s, [0-9]+ ns each$' $out
	is "$(wc -l <$out)" 1
	status 0 mboxctl bench -c 500 --json --size 0 .
	is "$(json '.size, (.one_process_ns > 0), (.two_processes_ns > 0)' |
		tr '\n' ' ')" "0 true true "
	# Nothing stays.
	is "$(attr . group_mailboxes)" 0
}

run_tests "$@"
