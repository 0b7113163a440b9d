#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tracepoints, read from tracefs.
. "$(dirname "$0")/tap.sh"

tracing=/sys/kernel/tracing

traced()
{
	grep -q "$1" $tracing/trace || {
		sed -n '/mboxfs_/p' $tracing/trace | tail -n 20
		fail "no line like: $1"
	}
}

test_every_step_of_a_message_can_be_traced()
{
	local ino pid

	: >q
	ino=$(stat -c %i q)
	echo 1 >$tracing/events/mboxfs/enable
	echo >$tracing/trace
	setfattr -n user.mboxfs.max_messages -v 1 q
	echo one >q
	dash -c 'echo two >q' &
	pid=$!
	await q writers_waiting 1
	kill $pid
	fails wait $pid
	setfattr -n user.mboxfs.when_full -v drop_oldest q
	echo three >q
	head -n1 q >/dev/null
	setfattr -n user.mboxfs.ttl_ms -v 1 q
	echo four >q
	await q expired_total 1
	setfattr -n user.mboxfs.send_delay_ms -v 50 q
	setfattr -n user.mboxfs.ttl_ms -v 0 q
	echo five >q
	await q messages 1
	echo 0 >$tracing/events/mboxfs/enable
	traced "mboxfs_send: dev=([0-9]*,[0-9]*), ino=$ino, seq=1, len=4, priority=0, messages=0"
	traced "mboxfs_limit: .* ino=$ino, len=4, priority=0, error=-11, messages=1"
	traced "mboxfs_block: .* ino=$ino, send, len=4, messages=1"
	traced "mboxfs_drop: .* ino=$ino, seq=1, len=4"
	traced "mboxfs_recv: .* ino=$ino, seq=2, len=6"
	traced "mboxfs_expire: .* ino=$ino, seq=3, len=5"
	traced "mboxfs_publish: .* ino=$ino, seq=4, len=5"
}

run_tests "$@"
