#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A pool of workers, by nothing but the tools of every shell.
#
# A group has two mailboxes, "jobs" and "results". A job is a message, and a
# message goes to exactly one reader: so each worker takes the next job when it
# has time, and there is nothing to lock. Stopping a mailbox says that no more
# will come: its readers get what is left, and then the end of the file.
#
#	worker_pool.sh [-w WORKERS] [-n JOBS] [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. setfattr is in
# the package "attr".
set -eu

usage()
{
	echo "usage: worker_pool.sh [-w WORKERS] [-n JOBS] [FOLDER]" >&2
	exit 2
}

stop()
{
	setfattr -n user.mboxfs.stopped -v 1 "$1"
}

# Take jobs and run them until there will be no more. One read of bash is one
# message, if it is a line of at most 4096 bytes; "dd bs=64k count=1" takes one
# whatever it is. One echo is one message, if it is one line.
worker()
{
	local job result

	while read -r job <"jobs"; do
		result=$(sh -c "$job" 2>&1) || result="failed: $result"
		result=${result//$'\n'/ }
		echo "worker $1: $job: ${result:0:500}" >"results"
	done
}

# All workers, and the end of the results when the last of them has ended,
# however that was.
pool()
{
	local w

	for ((w = 1; w <= workers; w++)); do
		worker $w &
	done
	wait
	stop results
}

# Beside the collecting: who sends waits where there is no room.
boss()
{
	local n

	for ((n = 1; n <= count; n++)); do
		echo "echo \$(($n * $n))" >"jobs"
	done
	stop jobs
}

workers=3 count=10
while getopts w:n: option; do
	case $option in
	w) workers=$OPTARG ;;
	n) count=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -le 1 && $workers =~ ^[1-9][0-9]{0,2}$ && $count =~ ^[0-9]{1,6}$ ]] ||
	usage
folder=${1:-/mnt/mbox}

# In a folder of a disk, jobs would be a file that never ends.
[ "$(stat -f -c %t "$folder")" = 4d424f58 ] || {
	echo "worker_pool.sh: $folder is not on a mount of mboxfs" >&2
	exit 1
}

# A group of our own. What is made in it begins with its limits: at most ten
# messages wait in each mailbox.
group=$(mktemp -d "$folder/pool.XXXXXX")
cd "$group"
group=$PWD
trap 'rm -r "$group"' EXIT
setfattr -n user.mboxfs.max_messages -v 10 .
touch jobs results

pool &
boss &
collected=0
while read -r result <"results"; do
	echo "$result"
	collected=$((collected + 1))
done
wait
echo "$collected of $count jobs are done"
cd /
[ $collected = "$count" ]
