#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading: nothing stays behind.
. "$(dirname "$0")/tap.sh"

ko=/vm/mboxfs.ko
mnt=/tmp/module_test
mkdir -p $mnt

# These need the module to themselves.
export MBOXFS_MOUNT=/tmp/module_cwd
mkdir -p $MBOXFS_MOUNT
umount /mnt/mbox 2>/dev/null
rmmod mboxfs 2>/dev/null

# A line of /proc/meminfo, in KiB, when all that can be freed is: also what
# KASAN holds back, which each cache gives up when it is shrunk.
memory()
{
	local cache

	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		[ ! -w "$cache" ] || echo 1 >"$cache"
	done
	awk -v what="$1:" '$1 == what { print $2 }' /proc/meminfo
}

load_and_use()
{
	insmod $ko "$@"
	mount -t mboxfs none $mnt
	mkdir $mnt/g
	seq 200 | while read -r i; do
		echo "message $i" >$mnt/g/q
	done
	head -c 60000 /dev/zero >$mnt/big
	ln -s target $mnt/link
	dd if=$mnt/g/q bs=1k count=3 status=none >/dev/null
}

test_load_use_and_unload_many_times()
{
	local slab=0 available=0 i rounds=$((TEST_SCALE > 1 ? 10 : 30))

	for ((i = 0; i < rounds; i++)); do
		if [ $i = 5 ]; then
			slab=$(memory SUnreclaim)
			available=$(memory MemAvailable)
		fi
		load_and_use
		umount $mnt
		rmmod mboxfs
	done
	# What the rounds leave must not add up: 5 rounds with 200 messages
	# and one of 60 kB each are 400 KiB. The slabs' own figure is exact;
	# what is available goes up and down by 20 MiB with modules.
	slab=$(($(memory SUnreclaim) - slab))
	available=$((available - $(memory MemAvailable)))
	echo "# slabs grew by $slab KiB, $available KiB less are available"
	[ $slab -lt 256 ]
	[ $available -lt 49152 ]
	fails grep -q mboxfs /proc/slabinfo
	fails grep -q mboxfs /proc/filesystems
}

test_unload_while_mounted_is_refused()
{
	load_and_use
	fails rmmod mboxfs 2>/tmp/err
	grep -q 'in use' /tmp/err
	umount $mnt
	rmmod mboxfs
}

test_lazy_umount_gives_all_back_in_the_end()
{
	local pid

	load_and_use
	: >$mnt/q
	cat $mnt/q >/dev/null &
	pid=$!
	await $mnt/q readers_waiting 1
	umount -l $mnt
	fails rmmod mboxfs 2>/dev/null
	kill $pid
	wait $pid || true
	soon rmmod mboxfs
}

test_user_namespaces_can_be_kept_out()
{
	load_and_use userns_mount=0
	fails setpriv --reuid 1000 --regid 1000 --clear-groups \
		unshare -Urm mount -t mboxfs none /mnt 2>/dev/null
	umount $mnt
	rmmod mboxfs
}

# Ten mounts of an unprivileged user together, in messages and in inodes: half
# of what there is for all.
test_user_namespaces_share_a_bound()
{
	insmod $ko userns_size=2097152
	# shellcheck disable=SC2016
	setpriv --reuid 1000 --regid 1000 --clear-groups \
		unshare -Urm bash -e -c '
		for i in $(seq 10); do
			mkdir -p /tmp/u/$i
			mount -t mboxfs -o size=0,max_bytes=0,max_messages=0 \
				none /tmp/u/$i
		done
		n=0
		for i in $(seq 10); do
			for k in $(seq 50); do
				head -c 65536 /dev/zero 2>/dev/null |
					dd of=/tmp/u/$i/q bs=64k \
					iflag=fullblock status=none \
					2>/tmp/u.err || break 2
				n=$((n + 1))
			done
		done
		grep -q "No space" /tmp/u.err
		[ $n -ge 10 ] && [ $n -le 16 ]
		rm /tmp/u/1/q
		n=0
		while : >/tmp/u/2/f$n; do n=$((n + 1)); done 2>/dev/null
		[ $n -gt 10 ] && [ $n -lt 600 ]
	'
	rmmod mboxfs
	rm -rf /tmp/u
}

# fill UID: mount in a user namespace in a user namespace and fill that, tell how
# many messages of 64 KiB it takes, and stay until there is no /tmp/stay
fill()
{
	# shellcheck disable=SC2016
	setpriv --reuid "$1" --regid "$1" --clear-groups \
		unshare -Urm unshare -Urm bash -c '
		mount -t mboxfs -o max_bytes=0,max_messages=0 none /mnt
		n=0
		while head -c 65536 /dev/zero 2>/dev/null |
			dd of=/mnt/q bs=64k iflag=fullblock status=none \
			2>/dev/null; do
			n=$((n + 1))
		done
		echo $n >/tmp/filled.'"$1.$2"'
		while [ -e /tmp/stay ]; do sleep 0.1; done
	' &
}

filled()
{
	soon test -s "/tmp/filled.$1"
	cat "/tmp/filled.$1"
}

test_one_user_does_not_use_up_what_is_there_for_all()
{
	local n

	insmod $ko userns_size=1048576
	rm -f /tmp/filled.*
	: >/tmp/stay
	touch /tmp/filled.1000.a /tmp/filled.1000.b /tmp/filled.1001.a
	fill 1000 a
	n=$(filled 1000.a)
	[ "$n" -ge 5 ] && [ "$n" -le 8 ]
	# Another namespace does not help; another user has the other half.
	fill 1000 b
	is "$(filled 1000.b)" 0
	fill 1001 a
	n=$(filled 1001.a)
	[ "$n" -ge 5 ] && [ "$n" -le 8 ]
	rm /tmp/stay
	wait
	soon rmmod mboxfs
}

# As with tmpfs: nothing of it can be reclaimed, so it must not be counted so.
test_inodes_are_not_called_reclaimable()
{
	local before grown

	insmod $ko
	mount -t mboxfs none $mnt
	before=$(memory SReclaimable)
	mkdir $mnt/g
	(cd $mnt/g && seq 5000 | xargs touch)
	grown=$(($(memory SReclaimable) - before))
	echo "# 5000 mailboxes: $grown KiB more are called reclaimable"
	# Names are, each 192 bytes; mailboxes have more than 1 KiB.
	[ $grown -lt 3000 ]
	umount $mnt
	rmmod mboxfs
}

run_tests "$@"
