#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the everyday tools do with a mailbox.
. "$(dirname "$0")/tap.sh"

# Take one message, whatever its length up to 64 KiB.
take()
{
	dd if="$1" bs=64k count=1 status=none
}

test_echo_sends_and_dd_takes_one()
{
	echo one >q
	echo two >>q
	is "$(attr q messages)" 2
	is "$(take q)" one
	is "$(take q)" two
}

test_echo_to_an_existing_mailbox_keeps_what_is_queued()
{
	local i

	for i in 1 2 3; do
		echo $i >q
	done
	is "$(attr q messages)" 3
	is "$(attr q purged_total)" 0
}

test_cat_prints_messages_and_waits_for_more()
{
	local pid

	echo one >q
	cat q >/tmp/out &
	pid=$!
	await q readers_waiting 1
	is "$(cat /tmp/out)" one
	echo two >q
	await q messages 0
	await q readers_waiting 1
	is "$(cat /tmp/out)" $'one\ntwo'
	kill -INT $pid 2>/dev/null || true
	kill $pid
	wait $pid || true
	is "$(attr q readers_waiting)" 0
}

test_cat_ends_at_an_empty_mailbox_if_asked()
{
	setfattr -n user.mboxfs.when_empty -v eof q 2>/dev/null || : >q
	setfattr -n user.mboxfs.when_empty -v eof q
	echo one >q
	echo two >q
	is "$(cat q)" $'one\ntwo'
	is "$(cat q)" ""
}

test_cat_ends_when_the_mailbox_is_removed()
{
	local pid

	: >q
	cat q >/tmp/out &
	pid=$!
	await q readers_waiting 1
	echo last >q
	await q messages 0
	rm q
	wait $pid
	is "$(cat /tmp/out)" last
}

test_cp_sends_a_file_as_one_message()
{
	seq 1000 >/tmp/file
	: >q
	cp /tmp/file q
	is "$(attr q messages)" 1
	take q | cmp - /tmp/file
	# The largest message has its limit, and cp says so.
	head -c 100000 /dev/zero >/tmp/file
	fails cp /tmp/file q 2>/tmp/err
	grep -q 'Message too long' /tmp/err
	is "$(attr q messages)" 0
}

test_cp_receives_all_messages_until_the_end()
{
	: >q
	setfattr -n user.mboxfs.when_empty -v eof q
	echo one >q
	echo two >q
	cp q /tmp/copy
	is "$(cat /tmp/copy)" $'one\ntwo'
}

test_mv_within_the_mount_keeps_messages()
{
	echo one >q
	mv q r
	is "$(take r)" one
}

test_tee_sends_what_it_reads()
{
	is "$(echo hello | tee q)" hello
	echo again | tee -a q >/dev/null
	is "$(attr q messages)" 2
	is "$(take q)" hello
	is "$(take q)" again
}

test_dd_sends_one_message_for_each_block()
{
	seq 1000 | head -c 3000 | dd of=q bs=1000 iflag=fullblock status=none
	is "$(attr q messages)" 3
	is "$(attr q bytes)" 3000
	is "$(attr q next_size)" 1000
}

test_head_prints_the_first_line_of_a_message()
{
	# Not the shell's own printf, which writes line by line.
	env printf 'a1\na2\n' >q
	env printf 'b1\nb2\n' >q
	is "$(attr q messages)" 2
	# It takes the whole message.
	is "$(head -n1 q)" a1
	is "$(head -n1 q)" b1
}

test_bash_read_takes_a_message()
{
	local a b

	echo 'first second' >q
	echo third >q
	read -r a b <q
	is "$a" first
	is "$b" second
	read -r a <q
	is "$a" third
	is "$(attr q messages)" 0
}

# It goes byte by byte, so the rest of a message has to be kept for it.
test_dash_read_takes_a_message_where_rests_are_kept()
{
	: >q
	setfattr -n user.mboxfs.short_read -v keep q
	echo 'first second' >q
	echo third >q
	# shellcheck disable=SC2016
	is "$(dash -c 'exec <q; read a b; read c; echo "$a-$b-$c"')" \
		first-second-third
	is "$(attr q messages)" 0
	# Bash as well, and line by line.
	env printf 'l1\nl2\n' >q
	is "$(bash -c 'exec <q; read -r a; read -r b; echo $a-$b')" l1-l2
}

test_a_shell_loop_works_off_messages()
{
	local i line out=

	for i in 1 2 3 4; do
		echo "job $i" >q
	done
	while read -r line <q; do
		out="$out$line,"
		[ "$line" != "job 4" ] || break
	done
	is "$out" "job 1,job 2,job 3,job 4,"
}

test_truncate_throws_messages_away()
{
	echo one >q
	echo two >q
	truncate -s0 q
	is "$(attr q messages)" 0
	is "$(attr q purged_total)" 2
	fails truncate -s5 q 2>/tmp/err
	grep -q 'Invalid argument' /tmp/err
}

test_ls_and_stat_show_bytes_queued()
{
	printf 12345 >q
	printf 678 >q
	is "$(stat -c %s q)" 8
	is "$(stat -c %F q)" "regular file"
	ls -l q >/tmp/out
	grep -qE '^-rw-rw-rw- 1 root root 8 .* q$' /tmp/out
	[ "$(stat -c %b q)" -gt 0 ]
	is "$(stat -f -c %t .)" 4d424f58
}

test_df_shows_use()
{
	local before after

	before=$(df --output=used -k . | tail -n1)
	: >q
	head -c 50000 /dev/zero | dd of=q bs=50000 iflag=fullblock status=none
	after=$(df --output=used -k . | tail -n1)
	[ $((after - before)) -ge 48 ] || fail "$before $after"
	[ $((after - before)) -le 80 ] || fail "$before $after"
	before=$(df --output=iused . | tail -n1)
	: >r
	mkdir d
	after=$(df --output=iused . | tail -n1)
	is $((after - before)) 2
}

test_getfattr_shows_all()
{
	echo hello >q
	getfattr -d q >/tmp/out
	grep -qx 'user.mboxfs.messages="1"' /tmp/out
	grep -qx 'user.mboxfs.next_size="6"' /tmp/out
	grep -qx 'user.mboxfs.max_messages="4096"' /tmp/out
	take q >/dev/null
	getfattr -d q >/tmp/out 2>/tmp/err
	fails grep -q next_size /tmp/out
	is "$(cat /tmp/err)" ""
	getfattr -d . >/tmp/out
	grep -qx 'user.mboxfs.when_full="block"' /tmp/out
}

test_setfattr_says_what_is_wrong()
{
	: >q
	setfattr -n user.mboxfs.max_messages -v 10 q
	is "$(attr q max_messages)" 10
	fails setfattr -n user.mboxfs.max_messages -v ten q 2>/tmp/err
	grep -q 'Invalid argument' /tmp/err
	fails setfattr -n user.mboxfs.messages -v 1 q 2>/tmp/err
	grep -q 'not permitted' /tmp/err
	fails setfattr -n user.mboxfs.mesages -v 1 q 2>/tmp/err
	grep -q 'not supported' /tmp/err
	setfattr -x user.mboxfs.max_messages q
	is "$(attr q max_messages)" 4096
}

test_sync_on_a_mailbox_works()
{
	: >q
	sync q
	sync .
}

test_inotifywait_sees_sends()
{
	: >q
	inotifywait -e modify --format %e q >/tmp/out 2>/tmp/err &
	await_text /tmp/err established
	printf hello >>q
	wait $!
	is "$(cat /tmp/out)" MODIFY
}

test_another_user_sends_to_a_shared_mailbox()
{
	mkdir -m 0777 shared
	: >shared/q
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		bash -c 'echo hi >shared/q'
	is "$(take shared/q)" hi
	# Not where the folder is sticky: the system forbids it to ">".
	mkdir sticky
	chmod 1777 sticky
	: >sticky/q
	chown 1001 sticky/q
	fails setpriv --reuid 1000 --regid 1000 --clear-groups \
		bash -c 'echo hi >sticky/q' 2>/dev/null
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		dd of=sticky/q conv=nocreat,notrunc status=none <<<hi
	is "$(take sticky/q)" hi
}

test_find_grep_and_rm_cope()
{
	echo hello >q
	mkdir -p a/b
	: >a/b/r
	is "$(find . -type f | sort)" $'./a/b/r\n./q'
	rm -r a
	setfattr -n user.mboxfs.when_empty -v eof q
	is "$(grep -r hello . | cat)" "./q:hello"
}

run_tests "$@"
