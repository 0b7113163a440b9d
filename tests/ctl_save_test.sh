#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mboxctl save and restore: a whole mount, all or nothing.
. "$(dirname "$0")/ctl.sh"

# Messages of the large test; "make nightly" has all of them.
messages=${SAVE_MESSAGES:-$((${TEST_LONG:+100000} + 0))}
[ "$messages" -gt 0 ] || messages=5000

mnt=/tmp/save.mnt dir=/tmp/save.dir

# A mount of one's own, and an empty place for what is saved.
fresh()
{
	rm -rf $dir
	renew
}

# As after a reboot.
renew()
{
	! mountpoint -q $mnt || umount $mnt
	mkdir -p $mnt
	mount -t mboxfs ${1:+-o "$1"} none $mnt
}

mountpoint()
{
	grep -q " $2 mboxfs" /proc/mounts
}

# all MOUNT: every message and node, but for what a restart changes: numbers,
# who has sent it, when; of times that there are some left
all()
{
	local q

	find "$1" -mindepth 1 -printf '%P %y %m %U %G\n' | sort
	mboxctl get -R "$1" | sed 's|^[^:]*/save.mnt||' |
		grep -vE ' (.*_total|leased_.*|messages|bytes)=' | sort
	find "$1" -type f -printf '%P\n' | sort | while read -r q; do
		mboxctl look --json "$1/$q"
	done | sed -E 's/"(seq|pid|uid|gid|sent_ns)":[0-9]*,//g
		s/("(delay|left)_ns":)[1-9][0-9]*/\1some/g'
}

# A tree with something of all kinds.
make_tree()
{
	mboxctl create -g -m 2770 $mnt/g group_max_bytes=1m
	mboxctl create -g $mnt/g/sub when_full=fail
	mboxctl create -m 620 $mnt/g/sub/q max_messages=20 ttl_ms=3600000
	mboxctl create $mnt/empty stopped=1
	mboxctl create $mnt/dead when_read=lease max_attempts=1
	mboxctl send $mnt/dead $'dead\n'
	read -r _ <$mnt/dead
	mboxctl send -p 3 -t 4 $mnt/g/sub/q three
	mboxctl send -d 10h $mnt/g/sub/q later
	mboxctl send $mnt/g/sub/q one ''
	head -c 60000 /dev/urandom | mboxctl send $mnt/g/sub/q
	mboxctl send --once -t 99 $mnt/g/sub/q once
	chown 1000:1001 $mnt/g $mnt/g/sub/q
	chmod 2770 $mnt/g
	mboxctl stop $mnt/dead
}

test_save_and_restore_bring_all_back()
{
	fresh
	make_tree
	is "$(attr $mnt/dead dead_messages)" 1
	all $mnt >/tmp/before
	status 0 mboxctl save $mnt $dir
	is "$(cat $out)" "messages=7 mailboxes=3"
	is "$(ls $dir)" mboxfs.dump
	is "$(stat -c %a $dir $dir/mboxfs.dump | tr '\n' ' ')" "700 600 "
	all $mnt | diff /tmp/before -
	renew
	status 0 mboxctl restore --json $dir $mnt
	is "$(json '.messages, .mailboxes' | tr '\n' ' ')" "7 3 "
	all $mnt | diff /tmp/before -
	is "$(attr $mnt/g/sub/q once_tag)" 99
	is "$(ls $dir)" mboxfs.dump
	umount $mnt
}

test_many_messages_in_many_mailboxes()
{
	local i each=$((messages / 50 / 4)) start

	fresh
	mboxctl create -g $mnt/g max_messages=0 max_bytes=0
	for i in $(seq 50); do
		echo "first of $i" >"$mnt/g/$i"
	done
	seq 2 "$each" | mboxctl broadcast -l $mnt/g >/dev/null
	seq "$each" | mboxctl broadcast -l -p 7 -t 8 $mnt/g >/dev/null
	seq "$each" | mboxctl broadcast -l -p 3 $mnt/g >/dev/null
	seq "$each" | mboxctl broadcast -l -d 10h $mnt/g >/dev/null
	all $mnt >/tmp/before
	start=${EPOCHREALTIME/[.,]/}
	status 0 mboxctl save $mnt $dir
	echo "# $((each * 200)) messages are saved in" \
		"$(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms," \
		"$(stat -c %s $dir/mboxfs.dump) bytes"
	is "$(cat $out)" "messages=$((each * 200)) mailboxes=50"
	renew
	start=${EPOCHREALTIME/[.,]/}
	status 0 mboxctl restore $dir $mnt
	echo "# and restored in $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"
	all $mnt | diff /tmp/before - | head -n 5 >/tmp/differ
	is "$(cat /tmp/differ)" ""
	umount $mnt
}

# refused TEXT: nothing is there
refused()
{
	status 1 mboxctl restore $dir $mnt
	says "$1"
	says "; nothing has been restored"
	is "$(ls -A $mnt)" ""
}

test_what_is_damaged_or_half_written_is_refused_whole()
{
	local size i

	fresh
	make_tree
	mboxctl save $mnt $dir >/dev/null
	cp $dir/mboxfs.dump /tmp/good
	size=$(stat -c %s /tmp/good)
	renew
	for i in 0 48 $((size / 2)) $((size - 1)); do
		head -c $i /tmp/good >$dir/mboxfs.dump
		refused "$dir/mboxfs.dump: "
	done
	for i in 0 8 20 44 130 $((size / 2)) $((size - 1)); do
		cp /tmp/good $dir/mboxfs.dump
		printf '\125' | dd of=$dir/mboxfs.dump bs=1 seek=$i conv=notrunc \
			status=none
		cmp -s /tmp/good $dir/mboxfs.dump ||
			refused "$dir/mboxfs.dump: "
	done
	{ cat /tmp/good; echo; } >$dir/mboxfs.dump
	refused "not as long as it says"
	cp /tmp/good $dir/mboxfs.dump
	status 0 mboxctl restore $dir $mnt
	umount $mnt
}

# hit_by SIGNAL WHEN COMMAND...: at that call for a mailbox
hit_by()
{
	local signal=$1 when=$2

	shift 2
	strace -qq -o /dev/null -e trace=ioctl \
		-e "inject=ioctl:signal=$signal:when=$when" "$@" >$out 2>$err
}

test_an_older_one_is_there_until_the_new_one_is_complete()
{
	local i rc

	fresh
	mboxctl create $mnt/a
	mboxctl send $mnt/a old
	mboxctl save $mnt $dir >/dev/null
	cp $dir/mboxfs.dump /tmp/good
	for i in $(seq 20); do
		echo new >"$mnt/$i"
	done
	rc=0
	hit_by KILL 30 mboxctl save $mnt $dir || rc=$?
	[ $rc -gt 128 ]
	cmp /tmp/good $dir/mboxfs.dump
	is "$(cd $dir; echo *)" "mboxfs.dump mboxfs.dump.partial"
	rc=0
	hit_by INT 30 mboxctl save $mnt $dir || rc=$?
	is $rc 1
	says "interrupted; nothing has been saved"
	cmp /tmp/good $dir/mboxfs.dump
	is "$(ls $dir)" mboxfs.dump
	status 0 mboxctl save $mnt $dir
	is "$(cat $out)" "messages=21 mailboxes=21"
	is "$(ls $dir)" mboxfs.dump
	fails cmp -s /tmp/good $dir/mboxfs.dump
	umount $mnt
}

test_a_full_disk_leaves_the_older_one()
{
	fresh
	mkdir -p $dir
	mount -t tmpfs -o size=2m small $dir
	mboxctl create $mnt/a max_bytes=0
	mboxctl send $mnt/a old
	mboxctl save $mnt $dir >/dev/null
	head -c 60000 /dev/zero >/tmp/body
	for _ in $(seq 60); do
		mboxctl send $mnt/a </tmp/body
	done
	status 1 mboxctl save $mnt $dir
	says "no room: No space left"
	is "$(ls $dir)" mboxfs.dump
	renew
	mboxctl restore $dir $mnt >/dev/null
	is "$(mboxctl recv -al $mnt/a)" old
	umount $mnt $dir
}

test_restored_once_is_not_restored_again()
{
	fresh
	mboxctl create $mnt/q
	mboxctl send $mnt/q x
	mboxctl save $mnt $dir >/dev/null
	renew
	status 0 mboxctl restore --once $dir $mnt
	is "$(attr $mnt/q messages)" 1
	is "$(ls $dir)" mboxfs.dump.restored
	status 0 mboxctl restore --once $dir $mnt
	is "$(cat $out $err)" ""
	is "$(attr $mnt/q sent_total)" 1
	status 1 mboxctl restore $dir $mnt
	says "mboxfs.dump: No such file"
	# It stays there if it could not be restored.
	mv $dir/mboxfs.dump.restored $dir/mboxfs.dump
	status 1 mboxctl restore --once $dir $mnt
	says "q: there are messages in it"
	is "$(ls $dir)" mboxfs.dump
	umount $mnt
}

test_what_is_there_is_kept_if_it_is_empty()
{
	fresh
	mboxctl create -g $mnt/g
	mboxctl create $mnt/g/q
	mboxctl create $mnt/g/r
	mboxctl send $mnt/g/q one
	mboxctl send $mnt/g/r two
	mboxctl save $mnt $dir >/dev/null
	renew
	mboxctl create -g -m 700 $mnt/g
	mboxctl create -m 600 $mnt/g/r max_messages=3
	mboxctl send $mnt/g/r there
	status 1 mboxctl restore $dir $mnt
	says "g/r: there are messages in it"
	says "; nothing has been restored"
	fails test -e $mnt/g/q
	mboxctl recv $mnt/g/r >/dev/null
	status 0 mboxctl restore $dir $mnt
	is "$(stat -c %a $mnt/g $mnt/g/r | tr '\n' ' ')" "700 600 "
	is "$(attr $mnt/g/r max_messages)" 3
	is "$(mboxctl recv $mnt/g/q; mboxctl recv $mnt/g/r)" onetwo
	umount $mnt
}

test_restore_needs_room()
{
	local i

	fresh
	mkdir $mnt/g
	for i in 1 2 3; do
		head -c 60000 /dev/zero | mboxctl send -C "$mnt/g/$i"
	done
	mboxctl save $mnt $dir >/dev/null
	renew size=120k
	status 1 mboxctl restore $dir $mnt
	says "$mnt: the mount has no room for so many bytes; nothing has been restored"
	renew nr_inodes=3
	status 1 mboxctl restore $dir $mnt
	says "$mnt: the mount has no room for so many mailboxes"
	renew
	mboxctl create -g $mnt/g group_max_bytes=170000
	status 1 mboxctl restore $dir $mnt
	says "g: there would be more bytes than its group_max_bytes; nothing has been restored"
	mboxctl set $mnt/g group_max_bytes=0 group_max_mailboxes=2
	status 1 mboxctl restore $dir $mnt
	says "g: there would be more mailboxes than its group_max_mailboxes"
	mboxctl set $mnt/g group_max_mailboxes=0
	is "$(ls $mnt/g)" ""
	status 0 mboxctl restore $dir $mnt
	umount $mnt
}

test_a_restore_that_fails_is_undone()
{
	local i rc=0

	fresh
	mboxctl create -g $mnt/g
	mboxctl create $mnt/a when_read=lease max_attempts=1
	for i in $(seq 30); do
		echo x >"$mnt/g/$i"
		echo y >"$mnt/g/$i"
	done
	mboxctl send $mnt/a $'dead\n'
	read -r _ <$mnt/a
	mboxctl send $mnt/a $'one\n'
	mboxctl send --delay 1h $mnt/a later
	mboxctl save $mnt $dir >/dev/null
	renew
	mboxctl create $mnt/a
	hit_by INT 50 mboxctl restore $dir $mnt || rc=$?
	is $rc 1
	says "$mnt: interrupted; nothing has been restored"
	is "$(ls $mnt)" a
	# Something has been sent to it, and taken back.
	[ "$(attr $mnt/a sent_total)" -eq 3 ]
	is "$(mboxctl look $mnt/a | wc -l)" 1
	umount $mnt
}

test_one_at_a_time()
{
	fresh
	mkdir $dir
	status 1 flock $dir mboxctl save $mnt $dir
	says "$dir: another mboxctl saves to it, or restores from it"
	status 1 flock $dir mboxctl restore $dir $mnt
	umount $mnt
}

# with_mounts SCRIPT MOUNT...: as if only these were there
with_mounts()
{
	local script=$1

	shift
	# shellcheck disable=SC2016
	unshare -m --propagation private bash -ec '
		script=$1
		shift
		awk "\$3 == \"mboxfs\" { print \$2 }" /proc/mounts |
			xargs -r umount
		for m; do
			mkdir -p "$m"
			mount -t mboxfs none "$m"
			: >"$m/${m//\//_}"
		done
		eval "$script"' - "$script" "$@"
}

test_the_mount_that_is_meant_is_found()
{
	rm -rf $dir
	cd /
	status 1 with_mounts "mboxctl save $dir"
	says "mboxctl: save: no mboxfs is mounted"
	status 1 with_mounts "mboxctl save $dir" /tmp/m1 /tmp/m2
	says "mboxctl: save: mboxfs is mounted in 2 places; say which"
	status 0 with_mounts "mboxctl save $dir; umount '/tmp/m 1'
		mount -t mboxfs none '/tmp/m 1'; mboxctl restore $dir
		ls '/tmp/m 1'" '/tmp/m 1'
	is "$(tail -n 1 $out)" "_tmp_m 1"
	status 0 with_mounts "mboxctl save $dir; mboxctl load $dir/mboxfs.dump \
		/tmp/m1/g; ls /tmp/m1/g" /tmp/m1 /dev/mbox /tmp/m2
	is "$(tail -n 1 $out)" "_dev_mbox"
	status 0 with_mounts "mboxctl save $dir; mboxctl load $dir/mboxfs.dump \
		/tmp/m1/g; ls /tmp/m1/g" /tmp/m1 /dev/mbox /mnt/mbox
	is "$(tail -n 1 $out)" "_mnt_mbox"
}

test_errors_name_what_is_wrong()
{
	status 1 mboxctl save . /tmp/none/dir
	says "mboxctl: save: /tmp/none/dir: cannot make it: No such file"
	status 1 mboxctl save none /tmp/save.dir
	says "mboxctl: save: none: No such file"
	status 1 mboxctl save /tmp /tmp/save.dir
	says "mboxctl: save: /tmp: "
	status 1 mboxctl restore /tmp/none .
	says "mboxctl: restore: /tmp/none: No such file"
	mkdir -p $dir
	mboxctl save . $dir >/dev/null
	status 1 mboxctl restore $dir none
	says "none: No such file"
	status 1 mboxctl restore $dir /tmp
	says "/tmp: not on mboxfs"
	status 2 mboxctl save
	status 2 mboxctl restore a b c
}

run_tests "$@"
