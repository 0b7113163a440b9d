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
	# What it then takes: as many as cp writes.
	setfattr -n user.mboxfs.max_message_size -v 0 q
	cp /tmp/file q
	is "$(attr q messages) $(attr q bytes)" "1 100000"
	truncate -s0 q
	head -c 500000 /dev/zero >/tmp/file
	cp /tmp/file q
	[ "$(attr q messages)" -gt 1 ]
	is "$(attr q bytes)" 500000
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

test_printf_of_bash_writes_line_by_line()
{
	printf 'a\nb\n' >q
	is "$(attr q messages)" 2
}

test_head_takes_messages_until_a_line_is_there()
{
	# Not the shell's own printf, which writes line by line.
	env printf 'a1\na2\n' >q
	env printf b1 >q
	env printf 'b2\nb3\n' >q
	is "$(attr q messages)" 3
	# What it has read of the last message is gone with it.
	is "$(head -n1 q 2>/tmp/err)" a1
	grep -q 'cannot seek' /tmp/err
	is "$(attr q messages)" 2
	setfattr -n user.mboxfs.type -v fifo q
	is "$(head -n1 q 2>&1)" b1b2
	is "$(attr q messages)" 0
}

test_shells_read_takes_messages_until_a_line_is_there()
{
	local shell

	for shell in bash dash "busybox ash"; do
		echo 'first second' >q
		echo third >q
		# shellcheck disable=SC2016
		is "$($shell -c 'read a b <q; echo "$b-$a"')" second-first
		# shellcheck disable=SC2016
		is "$($shell -c 'read a <q; echo "$a"')" third
		env printf job1 >q
		env printf 'job2\n' >q
		# shellcheck disable=SC2016
		is "$($shell -c 'read a <q; echo "$a"')" job1job2
	done
	is "$(attr q messages) $(attr q truncated_total)" "0 0"
}

# The rest of a message belongs to the open file.
test_lines_of_one_message_are_read_one_by_one()
{
	local shell

	for shell in bash dash; do
		env printf 'l1\nl2\n' >q
		# shellcheck disable=SC2016
		is "$($shell -c 'exec <q; read a; read b; echo "$a-$b"')" l1-l2
	done
	env printf 'l1\nl2\n' >q
	read -r shell <q
	is "$shell $(attr q messages) $(attr q truncated_total)" "l1 0 1"
}

test_programs_that_read_lines_get_long_ones_whole()
{
	local program

	head -c 60000 /dev/zero | tr '\0' L >/tmp/line
	echo >>/tmp/line
	: >q
	setfattr -n user.mboxfs.when_empty -v eof q
	for program in "sed -e p -n" "awk {print}" "grep -a L" "cut -b1-"; do
		dd if=/tmp/line of=q bs=60001 status=none
		echo LL >q
		is "$($program q | wc -c)" 60004
		is "$(attr q messages)" 0
	done
	is "$(attr q truncated_total)" 0
}

test_tail_follows_where_an_empty_mailbox_is_the_end()
{
	local pid

	echo one >q
	# It first looks for the end, and there is none.
	tail -f q >/tmp/out 2>&1 &
	pid=$!
	await q messages 0
	await q readers_waiting 1
	is "$(cat /tmp/out)" ""
	kill $pid
	setfattr -n user.mboxfs.when_empty -v eof q
	tail -f q >/tmp/out 2>/tmp/err &
	pid=$!
	echo two >q
	await_text /tmp/out two
	echo three >q
	await_text /tmp/out three
	kill $pid
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

test_what_asks_for_the_size_takes_nothing()
{
	echo hello >q
	is "$(stat -c %s q)" 6
	is "$(du -b q | cut -f1)" 6
	is "$(find . -type f -size -2)" ./q
	is "$(find . -empty)" ""
	is "$(attr q received_total)" 0
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

test_mv_from_elsewhere_makes_a_new_mailbox()
{
	echo old >q
	exec 3>q
	echo new >/tmp/file
	mv /tmp/file q 2>/dev/null
	is "$(attr q messages)" 1
	is "$(take q)" new
	fails bash -c 'echo lost >&3' 2>/tmp/err
	grep -q 'transport endpoint shutdown' /tmp/err
}

test_mv_to_elsewhere_leaves_the_messages_of_a_fifo()
{
	rm -f /tmp/moved
	echo hello >q
	setfattr -n user.mboxfs.when_empty -v eof q
	mv q /tmp/moved 2>/dev/null
	is "$(cat /tmp/moved)" hello
	rm /tmp/moved
	mkfifo q
	echo hello >q
	mv q /tmp/moved 2>/dev/null
	[ -p /tmp/moved ] && [ ! -e q ]
	rm /tmp/moved
}

# As scripts do with a FIFO that nobody else is to find.
test_what_is_open_takes_no_more_once_its_name_is_removed()
{
	exec 3<>q
	echo one >&3
	rm q
	fails bash -c 'echo two >&3' 2>/tmp/err
	grep -q 'transport endpoint shutdown' /tmp/err
	is "$(cat <&3)" one
}

test_a_read_only_mount_refuses_sending_and_lets_take()
{
	echo hello >q
	mkdir -p /tmp/read_only
	mount --bind . /tmp/read_only
	mount -o remount,bind,ro /tmp/read_only
	fails bash -c 'echo no >/tmp/read_only/q' 2>/tmp/err
	grep -q 'Read-only file system' /tmp/err
	is "$(take /tmp/read_only/q)" hello
	umount /tmp/read_only
}

run_tests "$@"
