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
	setfattr -n user.mboxfs.short_read -v truncate q
	is "$(dd if=q bs=2 count=1 status=none)" "fi"
	setfattr -n user.mboxfs.send_delay_ms -v 0 q
	setfattr -n user.mboxfs.when_read -v lease q
	setfattr -n user.mboxfs.max_attempts -v 2 q
	echo six >q
	head -n1 q >/dev/null
	head -n1 q >/dev/null
	echo 0 >$tracing/events/mboxfs/enable
	traced "mboxfs_lease: .* ino=$ino, seq=5, len=4"
	traced "mboxfs_return: .* ino=$ino, seq=5, len=4"
	traced "mboxfs_bury: .* ino=$ino, seq=5, len=4"
	traced "mboxfs_send: dev=([0-9]*,[0-9]*), ino=$ino, seq=1, len=4, priority=0, messages=0"
	traced "mboxfs_limit: .* ino=$ino, len=4, priority=0, error=-11, messages=1"
	traced "mboxfs_block: .* ino=$ino, send, len=4, messages=1"
	traced "mboxfs_drop: .* ino=$ino, seq=1, len=4"
	traced "mboxfs_recv: .* ino=$ino, seq=2, len=6"
	traced "mboxfs_expire: .* ino=$ino, seq=3, len=5"
	traced "mboxfs_publish: .* ino=$ino, seq=4, len=5"
	traced "mboxfs_truncate: .* ino=$ino, seq=4, len=5"
}

# Counters are for everyone: reading one must not make others do anything.
test_who_reads_a_counter_only_adds_up()
{
	local i

	[ -e $tracing/kprobe_events ] || return 0
	mkdir g
	# A mailbox that is open keeps messages, and bytes of its group.
	exec 7<>g/q
	for i in 1 2 3; do
		echo "$i" >&7
		head -c 2 <&7 >/dev/null
	done
	echo x >&7
	echo 'p:drop mboxfs:mbox_drop_spares' >$tracing/kprobe_events
	echo 'p:reclaim mboxfs:mbox_reclaim' >>$tracing/kprobe_events
	echo >$tracing/trace
	echo 1 >$tracing/events/kprobes/enable
	is "$(attr g group_bytes)" 2
	is "$(attr g group_mailboxes)" 1
	stat -f . >/dev/null
	echo 0 >$tracing/events/kprobes/enable
	fails grep -E 'drop:|reclaim:' $tracing/trace
	# They are kept still, and found when they are to go.
	echo >$tracing/trace
	echo 1 >$tracing/events/kprobes/enable
	exec 7>&-
	echo 0 >$tracing/events/kprobes/enable
	traced drop:
	echo >$tracing/kprobe_events
}

run_tests "$@"
