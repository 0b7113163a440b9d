#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mboxctl: work, and what is about single messages: look, cancel, bury, kick,
# send --seq and --once, recv --dead.
# Commands are for the shell that "work" runs.
# shellcheck disable=SC2016
. "$(dirname "$0")/ctl.sh"

# bury_now MAILBOX TEXT: a message that is dead at once
bury_now()
{
	mboxctl bury "$1" "$(mboxctl send --seq "$1" "$2")" >/dev/null
}

test_work_runs_a_command_for_each_message()
{
	mboxctl create q
	mboxctl create results
	mboxctl send --tag 7 q one
	mboxctl send -p 3 q two
	setpriv --reuid 1001 --regid 1001 --clear-groups \
		bash -c 'echo $$ >/tmp/sender; exec "$0" send q three' \
		"$tools/mboxctl"
	mboxctl stop q
	status 0 mboxctl work q -- sh -c \
		'echo "$MBOX_SEQ,$MBOX_ATTEMPTS,$MBOX_PRIORITY,$MBOX_TAG,$MBOX_UID $(cat) $1" >results
		[ $MBOX_SEQ != 3 ] || echo $MBOX_PID >/tmp/got' sh argument
	is "$(cat $out $err)" ""
	is "$(mboxctl recv --all results)" "2,1,3,0,0 two argument
1,1,0,7,0 one argument
3,1,0,0,1001 three argument"
	cmp /tmp/sender /tmp/got
	is "$(attr q received_total) $(attr q leased_messages)" "3 0"
	# With nothing left it ends at once.
	status 0 mboxctl work q true
}

test_work_takes_options_on_both_sides_of_the_mailbox()
{
	mboxctl create q
	for options in '-j 2 q' 'q -j 2' 'q -j 2 --' '-j 2 q --' 'q --'; do
		mboxctl send q x
		mboxctl stop q
		# What follows is the command's, whatever it looks like.
		# shellcheck disable=SC2086
		status 0 mboxctl work $options printf -- '-m %s' -k
		is "$(cat $out)" "-m -k"
		mboxctl start q
	done
	status 0 mboxctl work q --help
	for options in '-j 0' '-j 1025' '-r soon' '-m 0' '-k 0' '-x'; do
		# shellcheck disable=SC2086
		status 2 mboxctl work $options q true
	done
	status 2 mboxctl work q
	says "mboxctl: work: an argument is missing"
	status 2 mboxctl work q --
	status 1 mboxctl work none true
	says "mboxctl: work: none: No such file"
	status 1 mboxctl work . true
	is "$(attr q messages)" 0
}

test_work_gives_the_command_any_message()
{
	mboxctl create q max_message_size=0 max_bytes=0
	mboxctl create results
	head -c 300000 /dev/urandom >/tmp/bytes
	head -c 67108864 /dev/zero >/tmp/large
	mboxctl send q ''
	mboxctl send q </tmp/bytes
	mboxctl send q </tmp/large
	mboxctl stop q
	status 0 mboxctl work q -- sh -c 'md5sum >results'
	is "$(mboxctl recv --all results)" \
		"$(for f in /dev/null /tmp/bytes /tmp/large; do md5sum <$f; done)"
	rm /tmp/large
	# It need not read it, or all of it, and may read it twice.
	mboxctl start q
	mboxctl send q 12 34 56
	mboxctl stop q
	status 0 mboxctl work q -- sh -c \
		'case $MBOX_SEQ in
		4) exec <&- ;;
		5) head -c 1 >results ;;
		6) (cat; cat /proc/self/fd/0) >/tmp/twice ;;
		esac'
	is "$(mboxctl recv --all results) $(cat /tmp/twice)" "3 5656"
	is "$(attr q received_total)" 6
}

test_work_leaves_nothing_open_for_the_command()
{
	mboxctl create q
	mboxctl send q x
	mboxctl stop q
	mboxctl work q -- sh -c 'ls -l /proc/$$/fd; :' >$out
	is "$(sed 's/.* \([0-9]*\) -> .*/\1/; /^total/d' $out | tr '\n' ' ')" \
		"0 1 2 "
	grep -q '0 -> /memfd:message' $out
	# Nor does it take what was closed for its own.
	mboxctl start q
	mboxctl send q x
	mboxctl stop q
	mboxctl work q -- sh -c 'cat >/tmp/got' <&- >&- 2>&-
	is "$(cat /tmp/got)" x
}

test_work_tries_again_later_and_later()
{
	mboxctl create q
	mboxctl create results
	mboxctl send q once
	# It waits for what comes again, also in a mailbox that is stopped.
	mboxctl stop q
	status 0 mboxctl work -r 200ms q -- sh -c \
		'date +%s.%N >results
		[ $MBOX_ATTEMPTS = 3 ]'
	is "$(cat $err)" \
"mboxctl: work: q: message 1, attempt 1: status 1; again in 0.2 s
mboxctl: work: q: message 1, attempt 2: status 1; again in 0.4 s"
	mboxctl recv --all results | awk '
		NR > 1 && $1 - last < 0.19 * (NR - 1) { early = 1 }
		{ last = $1 }
		END { exit NR != 3 || early }'
	is "$(attr q received_total) $(attr q returned_total)" "1 2"
	# Nothing said: a second. At once, if that is wanted.
	mboxctl start q
	mboxctl send q again
	mboxctl stop q
	status 0 mboxctl work q -- sh -c '[ $MBOX_ATTEMPTS = 2 ]'
	says "message 2, attempt 1: status 1; again in 1 s"
	mboxctl start q
	mboxctl send q first second
	mboxctl stop q
	status 0 mboxctl work -r 0 q -- sh -c \
		'cat >>/tmp/order; [ $MBOX_ATTEMPTS = 2 ]' 3>/tmp/order
	is "$(cat /tmp/order)" firstfirstsecondsecond
}

test_work_buries_what_fails_too_often()
{
	mboxctl create q
	mboxctl send q bad good
	mboxctl stop q
	status 0 mboxctl work -r 10ms -m 2 q -- grep -q good
	is "$(tail -n 1 $err)" \
		"mboxctl: work: q: message 1, attempt 2: status 1; dead"
	is "$(attr q dead_messages) $(attr q received_total)" "1 1"
	is "$(mboxctl kick q)" 1
	status 0 mboxctl work -m 1 q -- grep -q bad
	is "$(attr q dead_messages) $(attr q received_total)" "0 2"
	# The mailbox may be stricter.
	mboxctl set q max_attempts=1
	mboxctl start q
	mboxctl send q bad
	mboxctl stop q
	status 0 mboxctl work -m 5 q -- false
	says "message 3, attempt 1: status 1; dead"
	is "$(mboxctl recv --dead q)" bad
}

test_work_kills_what_takes_too_long()
{
	mboxctl create q
	mboxctl send q x
	mboxctl stop q
	# With all that it has begun, and whatever it says in the end.
	status 0 mboxctl work -k 1s -m 1 q -- sh -c \
		'sleep 1234 & echo $! >/tmp/began; trap "exit 0" TERM; wait'
	says "message 1, attempt 1: longer than 1 s; dead"
	soon busybox sh -c '! test -e /proc/$(cat /tmp/began)/exe'
	# One that does not mind being told. It dies 5 s later.
	mboxctl kick q >/dev/null
	status 0 mboxctl work --json -k 1s -m 1 q -- sh -c \
		'trap "" TERM; while :; do sleep 0.1; done'
	is "$(json '.status, .killed, .result' | tr '\n' ' ')" "137 time dead "
	is "$(json '.seconds >= 6')" true
	# One that is in time.
	mboxctl kick q >/dev/null
	status 0 mboxctl work -k 1h q true
	is "$(cat $err)" ""
}

test_work_keeps_its_leases()
{
	local patience

	patience 1
	# One that is lost is dead.
	mboxctl create q lease_ms=$((600 * patience)) max_attempts=1
	mboxctl send q x
	mboxctl stop q
	status 0 mboxctl work q -- sleep $((2 * patience))
	is "$(cat $err)" ""
	is "$(attr q returned_total) $(attr q received_total)" "0 1"
	# Whatever becomes of lease_ms meanwhile.
	mboxctl set q lease_ms=1000000
	mboxctl start q
	mboxctl send q y
	mboxctl stop q
	mboxctl work q -- sleep $((4 * patience)) 2>$err &
	await q leased_messages 1
	mboxctl set q lease_ms=$((600 * patience))
	sleep $((2 * patience))
	mboxctl set q lease_ms=1000000
	wait $!
	is "$(cat $err)" ""
	is "$(attr q returned_total) $(attr q received_total)" "0 2"
}

test_work_tells_of_a_lease_that_is_lost()
{
	local pool

	mboxctl create q lease_ms=50
	mboxctl send q x
	mboxctl stop q
	# It is stopped, and cannot keep it.
	mboxctl work --json q -- sh -c 'kill -STOP $PPID; sleep 0.3' >$out &
	pool=$!
	await q returned_total 1
	is "$(mboxctl recv q)" x
	kill -CONT $pool
	wait $pool
	is "$(json .result)" lost
	is "$(attr q received_total)" 1
}

test_work_runs_several_at_a_time()
{
	local patience

	patience 60
	mboxctl create q
	mboxctl create meeting
	mboxctl send q 1 2 3 4 5 6
	mboxctl stop q
	# Each waits for two others.
	status 0 timeout "$patience" mboxctl work -j 3 q -- \
		sh -c 'mboxctl barrier meeting 3 >/dev/null'
	is "$(attr q received_total)" 6
	mboxctl start q
	mboxctl send q 1 2 3 4
	mboxctl stop q
	mboxctl work -j 2 q -- mboxctl recv meeting >/dev/null &
	await meeting readers_waiting 2
	is "$(attr q leased_messages) $(attr q messages)" "2 2"
	mboxctl send meeting a b c d
	wait $!
}

test_work_waits_for_messages()
{
	mboxctl create q
	mboxctl work -j 2 q -- cat >$out &
	mboxctl send q one
	await_text $out one
	mboxctl send q two three
	await q received_total 3
	mboxctl send --delay 100ms q four
	mboxctl stop q
	wait $!
	is "$(cat $out | tr -d '\n' | wc -c)" 15
	# A rendezvous ends when the work is done.
	mboxctl start q
	mboxctl work q -- sh -c 'sleep 0.2; echo done >/tmp/done' &
	rm -f /tmp/done
	mboxctl send --sync q x
	test -e /tmp/done
	mboxctl stop q
	wait $!
}

# ticks PROCESS: what it has used
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# Also of a mailbox that is stopped while another one has what is left.
test_work_uses_nothing_while_it_waits()
{
	local pool used

	mboxctl create q
	mboxctl create go
	mboxctl send q a
	mboxctl work q -- sh -c 'mboxctl recv go; exit 1' >$out 2>$err &
	await q leased_messages 1
	mboxctl work -j 2 q true &
	pool=$!
	sleep 0.5
	used=$(ticks $pool)
	sleep 1
	mboxctl stop q
	sleep 1
	is "$(($(ticks $pool) - used < 20))" 1
	# It hears of what comes back, and of the end. The other one takes no more.
	kill "$(jobs -p | head -n 1)"
	mboxctl send go x
	wait
	is "$(attr q received_total) $(attr q returned_total)" "1 1"
}

# begun MAILBOX: a pool whose commands wait for a message in go
begun()
{
	mboxctl create "$1"
	mboxctl create go
	mboxctl send "$1" a b c
	# A group of its own, as that of a terminal.
	setsid mboxctl work -j 2 "$1" -- sh -c \
		'trap "echo told >/tmp/told; kill \$!; exit 1" TERM
		mboxctl recv go >/dev/null & wait $!' 2>$err &
	pool=$!
	rm -f /tmp/told
	await go readers_waiting 2
}

test_work_ends_with_a_signal_when_its_commands_have_ended()
{
	local pool signal

	for signal in TERM INT; do
		mkdir $signal
		cd $signal
		begun q
		# timeout(1), too, sends it twice.
		kill -$signal -- -"$pool" "$pool"
		mboxctl send go go
		await q received_total 1
		is "$(attr q messages)" 1
		mboxctl send go go
		wait "$pool"
		is "$(attr q received_total) $(attr q messages)" "2 1"
		fails test -e /tmp/told
		is "$(cat $err)" ""
		cd ..
	done
}

test_work_ends_its_commands_with_a_second_signal()
{
	local pool patience

	patience 1
	begun q
	kill -TERM "$pool"
	sleep "$patience"
	kill -TERM "$pool"
	wait "$pool"
	test -e /tmp/told
	is "$(attr q received_total) $(attr q messages)" "0 3"
	is "$(grep -c ': interrupted; returned$' $err)" 2
	is "$(mboxctl look --json q | jq -s -c 'map([.message, .attempts])')" \
		'[["a",1],["b",1],["c",0]]'
}

test_work_that_is_killed_loses_nothing()
{
	local pool

	begun q
	{
		kill -KILL "$pool"
		wait "$pool" || true
	} 2>/dev/null
	is "$(attr q leased_messages) $(attr q messages)" "0 3"
	is "$(mboxctl look --json q | jq -s -c 'map([.message, .attempts])')" \
		'[["a",1],["b",1],["c",0]]'
	soon test -e /tmp/told
	await go readers_waiting 0
}

# has_done MAILBOX N: more messages than that, or all
has_done()
{
	[ "$(attr "$1" received_total)" -gt "$2" ] ||
		[ "$(attr "$1" messages)" = 0 ]
}

# Again and again, and then two at once: each message is done.
test_work_loses_nothing_however_often_it_is_killed()
{
	local i

	mboxctl create q
	mboxctl create results max_messages=0
	seq 100 | mboxctl send --lines q
	for i in 1 2 3 4; do
		mboxctl work -j 3 -r 0 q -- sh -c \
			'n=$(cat); echo $n >results; [ $((n % 7)) != 3 ] ||
				[ $MBOX_ATTEMPTS -gt 1 ]' 2>/dev/null &
		soon has_done q $((3 * i))
		{
			kill -KILL $!
			wait $! || true
		} 2>/dev/null
	done
	mboxctl stop q
	mboxctl work -j 2 q -- sh -c 'cat >results' &
	mboxctl work -j 2 q -- sh -c 'cat >results'
	wait $!
	is "$(attr q received_total) $(attr q leased_messages)" "100 0"
	is "$(mboxctl recv --all --lines results | tr -s '\n' | sort -n -u |
		wc -l)" 100
}

test_work_that_cannot_be_done_is_an_error_at_once()
{
	mboxctl create q
	mboxctl send q a b
	status 1 mboxctl work q -- no-such-command
	says "mboxctl: work: no-such-command: cannot be run: No such file"
	status 1 mboxctl work q -- ./q
	says "mboxctl: work: ./q: cannot be run: Permission denied"
	is "$(mboxctl look --json q | jq -s -c 'map(.attempts)')" '[0,0]'
	# Also what was there when it began.
	printf '#!/bin/sh\nrm -f /tmp/command\n' >/tmp/command
	chmod 755 /tmp/command
	status 1 mboxctl work q -- /tmp/command
	says "mboxctl: work: /tmp/command: cannot be run: No such file"
	is "$(attr q received_total) $(attr q messages)" "1 1"
	# What is no program, and has no #!, is for the shell.
	echo 'exit 0' >/tmp/command
	chmod 755 /tmp/command
	mboxctl stop q
	status 0 mboxctl work q -- /tmp/command
}

test_work_in_json()
{
	mboxctl create q
	mboxctl send --tag 5 -p 2 q good
	mboxctl send q bad
	mboxctl stop q
	status 0 mboxctl work --json -r 10ms -m 2 q -- sh -c \
		'echo noise; grep -q good || exit 3'
	is "$(json '[.seq, .attempts, .priority, .tag, .status, .result] |
		map(tostring) | join(",")')" "1,1,2,5,0,received
2,1,0,0,3,returned
2,2,0,0,3,dead"
	is "$(jq -s 'all(.seconds >= 0 and .path == "q")' $out)" true
	# What the commands say is beside it.
	is "$(sort -u $err)" noise
	mboxctl kick q >/dev/null
	status 0 mboxctl work --json -m 1 q -- sh -c 'kill -9 $$'
	is "$(json '.status, .killed' | tr '\n' ' ')" "137 null "
}

test_look_lists_messages()
{
	mboxctl create q ttl_ms=5000000
	bury_now q buried
	mboxctl send --tag 18446744073709551615 q "$(printf 'esc\033[2J\1end')"
	mboxctl send -p 9 q $'line\n'
	mboxctl send --delay 1h q later
	mboxctl send q "$(printf '%0200d' 0)" ''
	mboxctl recv --tagged 0 q >/dev/null
	mboxctl send -p 1 q leased
	mboxctl work q -- sh -c 'mboxctl look q >/tmp/list
		mboxctl look --json q >/tmp/json; kill $PPID'
	! grep -n '.\{81,\}' /tmp/list || fail "too wide"
	! grep -q "$(printf '\033')" /tmp/list || fail "an escape came through"
	is "$(awk 'NR > 1 { print $1, $2, $3, $4, $6, $7, $8 }' /tmp/list)" \
"readable 2 0 18446744073709551615 0 11 esc?[2J?end
readable 5 0 0 0 200 000000000000000000000000000
readable 6 0 0 0 0 
delayed 4 0 0 0 5 later
leased 7 1 0 1 6 leased
dead 1 0 0 1 6 buried"
	cp /tmp/json $out
	is "$(json '[.state, .seq, .attempts, .message] | map(tostring) |
		join(",")' | sed 's/0\{200\}/long/')" "$(printf '%s' \
		'readable,2,0,esc' $'\033' '[2J' $'\1' 'end
readable,5,0,long
readable,6,0,
delayed,4,0,later
leased,7,1,leased
dead,1,1,buried')"
	is "$(jq -s 'all(.left_ns > 0 and .uid == 0 and .pid > 0 and
		.sent_ns > 0)' $out)" true
	is "$(jq -s 'map(.delay_ns > 3000000000000)' -c $out)" \
		'[false,false,false,true,false,false]'
	grep -q '"tag":18446744073709551615,' $out
	# Nothing has changed.
	is "$(attr q messages) $(attr q delayed_messages)" "3 1"
	status 0 mboxctl look --what dead,delayed q
	is "$(sed 1d $out | awk '{ print $1 }' | tr '\n' ' ')" "delayed dead "
	status 0 mboxctl look -l q
	grep -q ' UID ' $out
	grep -q '0\{200\}' $out
	grep -qE '^delayed .* (59m|1h) ' $out
	status 2 mboxctl look --what unread q
	says "--what: 'unread' is no such value"
	mboxctl purge q >/dev/null
	status 0 mboxctl look --json q
	is "$(cat $out)" ""
	# Many, and long ones.
	mboxctl set q max_messages=0 max_bytes=0 max_message_size=0
	seq 3000 | mboxctl send --lines q
	is "$(mboxctl look --json q | jq -r .message | md5sum)" \
		"$(seq 3000 | md5sum)"
	is "$(mboxctl look q | wc -l)" 3001
	mboxctl purge q >/dev/null
	head -c 3000000 /dev/urandom | busybox base64 >/tmp/bytes
	mboxctl send q </tmp/bytes
	mboxctl look --json q | jq -j .message | cmp - /tmp/bytes
}

test_look_needs_the_right_to_read()
{
	mboxctl create -m 622 q
	mboxctl send q secret
	status 1 setpriv --reuid 1001 --regid 1001 --clear-groups \
		"$tools/mboxctl" look q
	says "mboxctl: look: q: Permission denied"
	status 1 mboxctl look none
	status 1 mboxctl look .
}

test_cancel()
{
	mboxctl create -m 666 q
	mboxctl send --tag 5 q a b
	mboxctl send --delay 1h --tag 6 q c
	mboxctl send q d e
	is "$(mboxctl cancel q 4)" 1
	is "$(mboxctl cancel --tag q 5 6 7)" 3
	is "$(attr q messages) $(attr q delayed_messages)" "1 0"
	is "$(attr q revoked_total)" 4
	status 1 mboxctl cancel q 4 100
	says "mboxctl: cancel: q: no such message is readable or delayed, and yours"
	status 2 mboxctl cancel q e
	says "'e' is no number"
	# Others' only by the owner.
	status 1 setpriv --reuid 1001 --regid 1001 --clear-groups \
		"$tools/mboxctl" cancel q 5
	setpriv --reuid 1001 --regid 1001 --clear-groups \
		"$tools/mboxctl" send q theirs
	status 0 setpriv --reuid 1001 --regid 1001 --clear-groups \
		"$tools/mboxctl" cancel --json q 5 6
	is "$(json '.path, .messages' | tr '\n' ' ')" "q 1 "
	is "$(mboxctl recv q)" e
	# More than one call does.
	mboxctl set q max_messages=0
	seq 1500 | mboxctl send --lines q
	# shellcheck disable=SC2046
	is "$(mboxctl cancel q $(seq 7 1506))" 1500
}

test_bury_and_kick()
{
	mboxctl create q
	mboxctl send q one two three four
	is "$(mboxctl bury q 3)" 1
	is "$(attr q dead_messages) $(attr q messages)" "1 3"
	is "$(mboxctl bury q 3)" 0
	# Those in front of it are where they were.
	is "$(mboxctl look --json q | jq -c '[.message, .attempts]' |
		tr '\n' ' ')" '["one",1] ["two",1] ["four",0] ["three",1] '
	status 0 mboxctl bury --json q 2 4
	is "$(json .messages)" 2
	is "$(mboxctl recv --all --lines --dead q)" $'three\ntwo\nfour'
	status 1 mboxctl bury q 17
	says "mboxctl: bury: q: message 17 is not there"
	mboxctl send --delay 1h q later
	status 1 mboxctl bury q 5
	says "message 5 is delayed; flush or cancel it"
	mboxctl work q -- sh -c 'mboxctl bury q 1 >/dev/null 2>/tmp/said
		kill $PPID'
	grep -q 'message 1 is on lease' /tmp/said
	status 2 mboxctl bury q x
	mboxctl purge q >/dev/null
	# Nobody else dies by it.
	mboxctl set q max_attempts=1
	mboxctl send q six seven
	status 1 mboxctl bury q 7
	says "message 7 has 6 of its tag in front of it"
	is "$(attr q messages)" 2
	mboxctl send --tag 1 q eight
	is "$(mboxctl bury q 8)" 1
	is "$(mboxctl bury q 6)" 1
	is "$(mboxctl bury q 7)" 1
	is "$(mboxctl kick q)" 3
	is "$(mboxctl recv --all --lines q)" $'eight\nsix\nseven'
	status 0 mboxctl kick --json q
	is "$(json .messages)" 0
	chmod 666 q
	status 1 setpriv --reuid 1001 --regid 1001 --clear-groups \
		"$tools/mboxctl" kick q
	status 1 mboxctl kick none
	status 1 mboxctl kick .
}

test_recv_and_peek_of_the_dead()
{
	mboxctl create q
	status 75 mboxctl recv --dead q
	says "mboxctl: recv: q: nothing to receive: no such message is dead"
	status 0 mboxctl recv --dead --all q
	mboxctl send q alive
	status 75 mboxctl peek --dead q
	bury_now q one
	bury_now q two
	is "$(mboxctl peek --dead q)" one
	is "$(mboxctl recv --dead --json q | jq -r .message)" one
	is "$(mboxctl recv --dead --all q)" two
	is "$(attr q dead_messages) $(attr q messages)" "0 1"
	status 2 mboxctl recv --dead --follow q
	status 2 mboxctl recv --dead --timeout 1s q
}

test_send_tells_the_number()
{
	mboxctl create q
	is "$(mboxctl send --seq q a b | tr '\n' ' ')" "1 2 "
	is "$(printf 'c\nd\n' | mboxctl send -q --lines q | tr '\n' ' ')" "3 4 "
	is "$(mboxctl look --json q | jq .seq | tr '\n' ' ')" "1 2 3 4 "
	is "$(mboxctl cancel q "$(mboxctl send -q --delay 1h q e)")" 1
}

test_send_once()
{
	mboxctl create q
	mboxctl send --once --tag 5 q a
	status 1 mboxctl send --once --tag 5 q a
	says "mboxctl: send: q: not sent again: tag 5 is not above once_tag, which is 5"
	status 1 mboxctl send --once --tag 4 --seq q a
	is "$(cat $out)" ""
	is "$(mboxctl send --once --tag 18446744073709551615 --seq q b)" 2
	# Others do as they like.
	mboxctl send --tag 1 q c
	mboxctl stat --json q | grep -q '"once_tag":18446744073709551615,'
	is "$(mboxctl recv --all q)" abc
	status 2 mboxctl send --once q a
	says "--once needs a --tag"
	status 2 mboxctl send --once --tag 7 q a b
	status 2 mboxctl send --once --tag 7 --lines q
	is "$(attr q sent_total)" 3
}

test_counts_of_what_is_on_lease_or_dead()
{
	mboxctl create q max_messages=9 max_bytes=1000
	mboxctl send q 12345
	bury_now q 123
	mboxctl work q -- sh -c 'mboxctl ls q >/tmp/list
		mboxctl stat q >/tmp/stat; kill $PPID'
	is "$(sed -n 2p /tmp/list | tr -s ' ')" " 0/9 8/1000 0 0 0 q"
	for line in leased_messages:1 leased_bytes:5 dead_messages:1 \
		dead_bytes:3 messages:0; do
		grep -qE "^  ${line%:*} +${line#*:}\$" /tmp/stat ||
			fail "$line: $(grep "${line%:*}" /tmp/stat)"
	done
	is "$(attr q received_total)" 1
	mboxctl watch --count 1 q >$out
	grep -q ' 3 ' $out
}

run_tests "$@"
