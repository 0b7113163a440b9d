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
	status 0 mboxctl dump q /tmp/dump
	is "$(cat $out)" "messages=2 mailboxes=1"
	is "$(attr q messages) $(attr q received_total)" "2 0"
	rm /tmp/dump
	status 0 mboxctl dump --take --json ./q /tmp/dump
	is "$(json .messages)" 2
	is "$(attr q messages)" 0
	mboxctl create -g g
	mboxctl load /tmp/dump g
	is "$(mboxctl recv -al g/q)" $'one\ntwo'
	# A file that is there is not written over.
	status 1 mboxctl dump --take . /tmp/dump
	says "/tmp/dump: is there already"
}

# looks MAILBOX: all that has to be the same after a dump and a load; a time that
# is left as what it is near to: a minute, an hour, none
looks()
{
	mboxctl look --json "$1" | jq -c '
		def about: if . == null then "none"
			elif . > 3e12 and . <= 3.6e12 then "hour"
			elif . > 3e10 and . <= 6e10 then "minute" else . end;
		[.state, .priority, .tag, .attempts, .length, .message,
		 (.delay_ns | about), (.left_ns | about)]'
}

# lease MAILBOX: have its next message on lease, as long as descriptor 9 is open;
# for a mailbox with when_read=lease and lines
lease()
{
	local line

	exec 9<"$1"
	read -r line <&9
	[ -n "$line" ]
}

# A mailbox in which there is everything: what was tried before, on lease, dead,
# delayed, with an hour to live, a minute, and without an end.
make_all_states()
{
	mboxctl create "$1" when_read=lease max_attempts=2
	mboxctl send "$1" $'dead\n' $'leased\n'
	lease "$1"
	exec 9<&-
	lease "$1"
	exec 9<&-
	is "$(attr "$1" dead_messages)" 1
	lease "$1"
	mboxctl set "$1" ttl_ms=3600000
	mboxctl send -p 7 -t 70 "$1" urgent ''
	mboxctl send -d 1h -t 1 -p 2 "$1" later
	mboxctl set "$1" ttl_ms=60000
	mboxctl send -d 1m -t 2 "$1" soon
	mboxctl send -t 18446744073709551615 "$1" last
	mboxctl send --once -t 42 "$1" once
	# None of these is what is left to live.
	mboxctl set "$1" ttl_ms=100000000 max_attempts=3
}

test_a_dump_is_exact_and_takes_nothing()
{
	make_all_states q
	looks q >/tmp/before
	mboxctl get q | grep -v _waiting >/tmp/counters
	rm -f /tmp/dump
	status 0 mboxctl dump . /tmp/dump
	is "$(cat $out)" "messages=8 mailboxes=1"
	looks q | diff /tmp/before -
	mboxctl get q | grep -v _waiting | diff /tmp/counters -
	exec 9<&-
	status 0 mboxctl load /tmp/dump g
	is "$(cat $out)" "messages=8 mailboxes=1"
	is "$(attr g/q once_tag)" 42
	# The one on lease is in front of its priority.
	sed 's/"leased"/"readable"/' /tmp/before >/tmp/wanted
	looks g/q | sort | diff <(sort /tmp/wanted) -
	is "$(looks g/q | jq -c '[.[0], .[5], .[3]]')" '["readable","urgent",0]
["readable","",0]
["readable","leased\n",1]
["readable","last",0]
["readable","once",0]
["delayed","soon",0]
["delayed","later",0]
["dead","dead\n",2]'
	grep -q '"leased\\n","*.*"none"\]' /tmp/before
	is "$(grep -c '"hour"' /tmp/before) $(grep -c '"minute"' /tmp/before)" \
		"3 3"
}

test_time_stands_still_in_a_dump()
{
	local before start

	mboxctl create q ttl_ms=3600000
	mboxctl send q x
	mboxctl send --delay 1h q y
	rm -f /tmp/dump
	mboxctl dump q /tmp/dump >/dev/null
	before=$(mboxctl look --json q | jq -s '[.[0].left_ns, .[1].delay_ns]')
	sleep 1
	mboxctl create -g g
	start=${EPOCHREALTIME/[.,]/}
	mboxctl load /tmp/dump g >/dev/null
	mboxctl look --json g/q >/tmp/after
	jq -es --argjson before "$before" \
		--argjson since $(((${EPOCHREALTIME/[.,]/} - start) * 1000)) '
		.[0].left_ns + $since >= $before[0] and
		.[0].left_ns <= 3.6e12 and
		.[1].delay_ns + $since >= $before[1] and
		.[1].delay_ns <= 3.6e12 and
		.[1].left_ns == 3.6e12' /tmp/after >/dev/null
}

# However near to each other they are.
test_delayed_ones_come_due_in_the_same_order()
{
	mboxctl create q max_messages=0
	seq 3000 | mboxctl send -l --delay 1h q
	rm -f /tmp/dump
	mboxctl dump q /tmp/dump >/dev/null
	mboxctl create -g g
	mboxctl load /tmp/dump g >/dev/null
	is "$(attr g/q delayed_messages)" 3000
	mboxctl flush g/q
	mboxctl recv -al g/q | cmp - <(seq 3000)
}

test_what_would_publish_delayed_messages_does_not()
{
	mboxctl create q
	mboxctl send --delay 1h q x
	# Set so that no writer is closed.
	setfattr -n user.mboxfs.flush_on_close -v 1 q
	is "$(attr q delayed_messages)" 1
	rm -f /tmp/dump
	mboxctl dump . /tmp/dump >/dev/null
	mboxctl load /tmp/dump g >/dev/null
	is "$(attr g/q delayed_messages) $(attr g/q flush_on_close)" "1 1"
	status 1 mboxctl load /tmp/dump g
	says "its flush_on_close would make what is delayed readable; nothing has been loaded"
	is "$(attr g/q sent_total)" 1
}

test_policies_about_the_dead_let_them_in()
{
	mboxctl create q when_read=lease max_attempts=1
	mboxctl send q $'dead\n'
	lease q
	exec 9<&-
	is "$(attr q dead_messages)" 1
	mboxctl set q when_dead=drop
	rm -f /tmp/dump
	mboxctl dump . /tmp/dump >/dev/null
	mboxctl load /tmp/dump g >/dev/null
	is "$(attr g/q dead_messages) $(attr g/q when_dead)" "1 drop"
}

test_the_highest_once_tag_stays()
{
	mboxctl create q
	mboxctl send --once -t 5 q x
	rm -f /tmp/dump
	mboxctl dump q /tmp/dump >/dev/null
	mboxctl send --once -t 9 q y
	mboxctl load /tmp/dump . >/dev/null
	is "$(attr q once_tag)" 9
	mboxctl create -g g
	mboxctl load /tmp/dump g >/dev/null
	is "$(attr g/q once_tag)" 5
}

# Some are sent and received, some go on lease and come back: what is there all
# the time is in the dump once.
test_dump_while_others_work()
{
	local i line

	mboxctl create q when_read=lease max_messages=0
	seq 100001 102000 | mboxctl send -l -t 1 -p 1 q
	seq 200000 200019 | mboxctl send -l -t 2 -p 2 q
	(
		set +eE
		trap - ERR
		: >/tmp/go
		while [ -e /tmp/go ]; do
			exec 8<q
			read -rN 6 line <&8
			exec 8<&-
		done
	) &
	(
		set +eE
		trap - ERR
		while [ -e /tmp/go ]; do
			mboxctl send -p 3 -t 3 q "${RANDOM}xxxxxx"
			mboxctl recv -G 3 q
		done
	) >/dev/null &
	soon test -e /tmp/go
	for i in 1 2 3 4; do
		rm -f /tmp/dump
		mboxctl dump q /tmp/dump >/dev/null
		mboxctl create -g "g$i"
		mboxctl load /tmp/dump "g$i" >/dev/null
	done
	rm /tmp/go
	wait
	for i in 1 2 3 4; do
		mboxctl recv -al -G 1 "g$i/q" | cmp - <(seq 100001 102000)
		mboxctl recv -al -G 2 "g$i/q" | sort |
			cmp - <(seq 200000 200019)
	done
}

test_dump_with_take_takes_the_dead_and_keeps_attempts()
{
	make_all_states q
	looks q >/tmp/before
	rm -f /tmp/dump
	status 0 mboxctl dump --take --delayed leave . /tmp/dump
	is "$(wc -l <$err)" 2
	grep -q ": 2 delayed messages are still there" $err
	grep -q ": 1 messages on lease are still there" $err
	is "$(looks q | jq -r '.[0]')" $'delayed\ndelayed\nleased'
	exec 9<&-
	mboxctl load /tmp/dump g >/dev/null
	grep -vE 'delayed|leased' /tmp/before | diff - <(looks g/q)
}

test_load_is_for_owners()
{
	mboxctl create -m 666 q
	mboxctl send q x
	chmod 777 .
	rm -f /tmp/dump
	mboxctl dump q /tmp/dump >/dev/null
	chmod 644 /tmp/dump
	status 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$(command -v mboxctl)" load /tmp/dump .
	says "q: only its owner can put messages back as they were; nothing has been loaded"
	is "$(attr q sent_total)" 1
	status 0 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$(command -v mboxctl)" load /tmp/dump g
	is "$(stat -c %u g/q)" 1000
	chown 1000 q
	status 0 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$(command -v mboxctl)" load /tmp/dump .
	is "$(attr q messages)" 2
}

test_load_by_root_gives_owners_back()
{
	mboxctl create -g -m 2770 t
	mboxctl create -m 640 t/q
	chown 1000:1001 t/q
	chown 1001:1000 t
	chmod 2770 t
	rm -f /tmp/dump
	mboxctl dump t /tmp/dump >/dev/null
	mboxctl load /tmp/dump u >/dev/null
	is "$(stat -c '%u %g %a' u u/q)" $'1001 1000 2770\n1000 1001 640'
}

# le NUMBER BYTES: as escapes, the lowest byte first
le()
{
	local i

	for ((i = 0; i < $2; i++)); do
		printf '\\x%02x' $(($1 >> 8 * i & 255))
	done
}

# text STRING: as escapes, and zeroes up to a multiple of 8
text()
{
	local i LC_ALL=C

	for ((i = 0; i < ${#1}; i++)); do
		printf '\\x%02x' "'${1:i:1}"
	done
	for ((; i % 8; i++)); do
		printf '\\x00'
	done
}

# node VERSION TYPE MODE PATH SETTINGS; type 1 is a group, 2 a mailbox
node()
{
	le "$2" 4
	le "$3" 4
	le ${#4} 4
	le ${#5} 4
	if [ "$1" -gt 1 ]; then
		le 1000 4
		le 1001 4
	fi
	text "$4$5"
}

# message PRIORITY TAG SEQ BODY [FLAGS]
message()
{
	le 3 4
	le 0 12 # with where it was in memory
	le ${#4} 4
	le "${5:-0}" 4
	le "$1" 4
	le 77 4
	le 0 8
	le "$2" 8
	le 0 8
	le 0 8
	le 1764000000000000000 8
	le "$3" 8
	le 0 16
	text "$4"
}

# crc ESCAPES: CRC-64 of ECMA-182, the lowest bit first
crc()
{
	local sum=-1 byte

	for byte in ${1//\\x/ 0x}; do
		sum=$((table[(sum ^ byte) & 255] ^ (sum >> 8 & 0xffffffffffffff)))
	done
	echo $((~sum))
}

table=()

# For crc().
make_table()
{
	local c bit i

	for ((i = 0; i < 256; i++)); do
		for ((c = i, bit = 0; bit < 8; bit++)); do
			((c = c & 1 ?
				(c >> 1 & 0x7fffffffffffffff) ^ -0x3693a86a2878f0be :
				c >> 1 & 0x7fffffffffffffff)) || true
		done
		table[i]=$c
	done
}

# dump_file VERSION NODES MESSAGES RECORDS: makes /tmp/dump
dump_file()
{
	local head sum

	head=$(text MBOXDUMP; le "$1" 4; le $((0x01020304)) 4
		le $((48 + ${#4} / 4)) 8; le "$2" 8; le "$3" 8)
	sum=$(crc "$head$(le 0 8)$4")
	printf '%b' "$head$(le "$sum" 8)$4" >/tmp/dump
}

test_a_dump_of_version_1_is_loaded()
{
	make_table
	dump_file 1 3 3 "$(node 1 1 $((0750)) '' $'max_messages=7\n')$(
		node 1 2 $((0620)) q $'max_messages=5\nttl_ms=3600000\nstopped=1\n')$(
		message 9 77 3 urgent)$(message 0 0 1 one)$(
		node 1 2 $((0644)) r '')$(message 0 1 1 '')"
	status 0 mboxctl load /tmp/dump u
	is "$(cat $out)" "messages=3 mailboxes=2"
	is "$(stat -c '%a %u' u u/q u/r | tr '\n' ' ')" "750 0 620 0 644 0 "
	is "$(attr u max_messages) $(attr u/q max_messages)" "7 5"
	is "$(attr u/q stopped) $(attr u/r once_tag)" "1 0"
	is "$(looks u/q)" '["readable",9,77,0,6,"urgent",0,"hour"]
["readable",0,0,0,3,"one",0,"hour"]'
	is "$(attr u/r messages) $(attr u/r bytes)" "1 0"
	# Who may only write may do that as well.
	chmod 777 . u
	mboxctl set u/q stopped=0
	chmod 666 u/q u/r
	chmod 644 /tmp/dump
	status 0 setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$(command -v mboxctl)" load /tmp/dump u
	is "$(attr u/q messages)" 4
}

# With the right sum, and made wrong on purpose.
test_a_dump_that_makes_no_sense_is_refused()
{
	local node flags what

	make_table
	node=$(node 2 2 $((0600)) q '')
	dump_file 2 1 1 "$node$(message 0 0 1 x $((1 << 18)))"
	status 0 mboxctl load /tmp/dump ok
	is "$(attr ok/q dead_messages)" 1
	for flags in 1 64 8192 $((3 << 16)) $((1 << 19)); do
		dump_file 2 1 1 "$node$(message 0 0 1 x $flags)"
		status 1 mboxctl load /tmp/dump g
		says "a record is damaged; nothing has been loaded"
	done
	for what in "$(message 32768 0 1 x)" "$(message 0 0 0 x)" \
		"$(node 2 5 0 r '')"; do
		dump_file 2 1 1 "$node$what"
		status 1 mboxctl load /tmp/dump g
		says "a record is damaged; nothing has been loaded"
	done
	dump_file 2 1 1 "$(message 0 0 1 x)$node"
	status 1 mboxctl load /tmp/dump g
	says "a message without a mailbox"
	for what in ../q /q a//q . sub/..; do
		dump_file 2 1 0 "$(node 2 2 $((0600)) "$what" '')"
		status 1 mboxctl load /tmp/dump g
		says "a path leads out of the dump"
	done
	dump_file 2 1 0 "$(node 2 2 $((0600)) q $'max_messages=many\n')"
	status 1 mboxctl load /tmp/dump g
	says "its settings make no sense"
	dump_file 3 1 0 "$node"
	status 1 mboxctl load /tmp/dump g
	says "a version that this mboxctl does not know"
	# What is counted, or not known, is no setting.
	dump_file 2 1 0 "$(node 2 2 $((0600)) q $'messages=5\nnew=1\nttl_ms=9\n')"
	status 0 mboxctl load /tmp/dump g
	is "$(attr g/q ttl_ms) $(stat -c '%u %g' g/q)" "9 1000 1001"
}

# partial SEQ RECORD...: /tmp/dump.partial, of a dump that was killed as it took
# the message with this number; its bytes are in a RECORD that has no type yet
partial()
{
	local taking

	taking=$(le 4 4; le 0 12; le 3 4; le 64 4; le 5 4; le 77 4; le 0 8
		le 9 8; le 0 24; le "$1" 8; le 0 16)
	shift
	printf '%b' "$(text MBOXDUMP; le 2 4; le $((0x01020304)) 4; le 0 32)" \
		"$taking" "$@" >/tmp/dump.partial
	truncate -s 100000 /tmp/dump.partial
}

test_what_was_just_being_taken_is_sealed_too()
{
	local node body

	node=$(node 2 2 $((0600)) q '')
	body="$(le 0 96)$(text new)"
	rm -f /tmp/dump
	partial 7 "$node" "$(message 0 0 6 old)" "$body"
	status 0 mboxctl dump --seal /tmp/dump
	is "$(cat $out)" "messages=2 mailboxes=1"
	mboxctl load /tmp/dump g >/dev/null
	is "$(looks g/q)" '["readable",5,9,0,3,"new",0,"none"]
["readable",0,0,0,3,"old",0,"none"]'
	# Its record is there already; or nothing was being taken.
	for body in 6 0; do
		rm /tmp/dump
		partial $body "$node" "$(message 0 0 6 old)"
		status 0 mboxctl dump --seal /tmp/dump
		is "$(cat $out)" "messages=1 mailboxes=1"
	done
	# None of these numbers is to be believed.
	rm /tmp/dump
	partial 7 "$node"
	truncate -s 230 /tmp/dump.partial
	status 0 mboxctl dump --seal /tmp/dump
	is "$(cat $out)" "messages=0 mailboxes=1"
}

test_load_that_is_interrupted_can_go_on()
{
	local rc=0 sent

	mboxctl create q
	seq 300 | mboxctl send -l q
	rm -f /tmp/dump
	mboxctl dump q /tmp/dump >/dev/null
	mboxctl create -g g
	strace -qq -o /dev/null -e trace=ioctl \
		-e "inject=ioctl:signal=INT:when=100" \
		mboxctl load /tmp/dump g >$out 2>$err || rc=$?
	is $rc 1
	sent=$(attr g/q messages)
	[ "$sent" -gt 0 ] && [ "$sent" -lt 300 ]
	says "interrupted; $sent of 300 messages are loaded, --skip $sent goes on"
	status 0 mboxctl load --skip "$sent" /tmp/dump g
	mboxctl recv -al g/q | cmp - <(seq 300)
}

# Wherever that is: the same bytes, but for what the kernel counts and when.
test_a_dump_has_no_addresses()
{
	mboxctl create q
	mboxctl send q one
	rm -f /tmp/dump /tmp/dump.2
	mboxctl dump q /tmp/dump >/dev/null
	mboxctl dump q /tmp/dump.2 >/dev/null
	cmp /tmp/dump /tmp/dump.2
	rm -f /tmp/dump /tmp/dump.2
	mboxctl dump --take q /tmp/dump >/dev/null
	# The header, what is being taken, the mailbox, the message.
	is "$(od -An -tx1 -j 52 -N 92 -v /tmp/dump | tr -d ' \n')" \
		"$(printf '%0184d' 0)"
}

# slowly COMMAND...: on a terminal; every call that is for mailboxes takes 0.2 s
slowly()
{
	script -qec "strace -qq -o /dev/null -e trace=ioctl \
		-e inject=ioctl:delay_enter=200000 $*" /tmp/typescript \
		>/dev/null
}

test_progress_is_shown_on_terminals_only()
{
	mboxctl create q
	mboxctl send q a b c d e f g h i j k l
	rm -f /tmp/dump
	slowly mboxctl dump --take q /tmp/dump
	tr '\r' '\n' </tmp/typescript >/tmp/lines
	grep -qE '^[0-9]+ messages, [0-9]+ bytes *$' /tmp/lines
	# In the end there is nothing of it.
	is "$(grep -c 'messages=12 mailboxes=1' /tmp/lines)" 1
	is "$(grep -B1 'messages=12' /tmp/lines | head -n 1 | tr -d ' ')" ""
	mboxctl create -g g
	slowly mboxctl load /tmp/dump g
	tr '\r' '\n' </tmp/typescript | grep -qE '^[0-9]+ of 12 messages, '
	rm /tmp/dump
	mboxctl dump g/q /tmp/dump >/dev/null 2>$err
	is "$(wc -c <$err)" 0
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

test_a_copy_that_is_interrupted_leaves_nothing()
{
	local rc=0 i

	mboxctl create -g t
	for i in $(seq 40); do
		echo x >"t/$i"
	done
	rm -f /tmp/dump
	strace -qq -o /dev/null -e trace=ioctl \
		-e "inject=ioctl:signal=INT:when=50" \
		mboxctl dump t /tmp/dump >$out 2>$err || rc=$?
	is $rc 1
	says "/tmp/dump: interrupted; there is no dump"
	fails test -e /tmp/dump
	fails test -e /tmp/dump.partial
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
