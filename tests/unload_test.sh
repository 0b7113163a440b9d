#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Mounts and the module go away under load, again and again for UNLOAD_SECONDS
# (15): by killing all who use it, by lazy unmounting first, in any order. All
# can be killed, nothing stays, and what is in use cannot be unloaded.
. "$(dirname "$0")/tap.sh"

here=$(realpath "$(dirname "$0")")
ko=/vm/mboxfs.ko
mnt=/tmp/unload_test
load="stress_test concurrent_test group_test barrier_test process_test
delay_test poll_test wait_test broadcast_test model_test"

export MBOXFS_MOUNT=/tmp/unload_cwd
mkdir -p $MBOXFS_MOUNT $mnt
umount /mnt/mbox 2>/dev/null
rmmod mboxfs 2>/dev/null

start_load()
{
	local t

	for t in $load; do
		(MBOXFS_MOUNT=$mnt STRESS_SECONDS=100 MODEL_SECONDS=100 \
			setsid "$here/$t" >/dev/null 2>&1 &)
	done
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
}

# Who cannot be killed is shown, once.
show_left()
{
	local pid

	for pid in $(pgrep '_test$'); do
		echo "# left: $pid $(cat "/proc/$pid"/comm)" \
			"$(grep -h State "/proc/$pid/status")"
		sed 's/^/#   /' "/proc/$pid"/stack
	done
}

kill_all()
{
	pkill -KILL '_test$'
	pgrep '_test$' >/dev/null || return 0
	[ $((++tries)) != 90 ] || show_left
	return 1
}

# To end hundreds of processes takes minutes where memory is looked after: each try
# of soon is a hundred.
all_killed()
{
	local i

	for ((i = 0; i < 100; i++)); do
		kill_all && return 0
		sleep 0.1
	done
	return 1
}

in_use()
{
	fails rmmod mboxfs 2>/dev/null
}

one_round()
{
	tries=0
	insmod $ko
	mount -t mboxfs none $mnt
	start_load
	case $((RANDOM % 4)) in
	0)
		soon all_killed
		soon umount $mnt
		;;
	1)
		umount -l $mnt
		in_use
		soon all_killed
		;;
	2)
		in_use
		fails umount $mnt 2>/dev/null
		umount -l $mnt
		# A second instance beside what is left of the first.
		mount -t mboxfs none $mnt
		start_load
		soon all_killed
		soon umount $mnt
		;;
	3)
		umount -l $mnt
		pkill -KILL 'stress_test|group_test' || true
		in_use
		soon all_killed
		;;
	esac
	soon umount -a -t mboxfs # also what tests had mounted themselves
	soon rmmod mboxfs
	fails grep -q mboxfs /proc/slabinfo
}

test_all_can_go_at_any_time()
{
	local end=$((SECONDS + ${UNLOAD_SECONDS:-15})) rounds=0

	while [ $SECONDS -lt $end ]; do
		one_round
		rounds=$((rounds + 1))
	done
	echo "# $rounds rounds"
	[ $rounds -gt 0 ]
}

run_tests "$@"
