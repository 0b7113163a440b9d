#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A pool of workers that may be killed at any time, and loses no job.
#
# "mboxctl work" takes each job on lease and runs a command for it. The mailbox
# keeps the job until the command has succeeded. Here the whole pool is killed in
# the middle of its work: the kernel gives back what it had, and the next pool
# does it again. So each job is done at least once; what it does has to bear
# being done twice, as here, where a result has the number of its job.
#
#	durable_pool.sh [-w WORKERS] [-n JOBS] [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. Needs mboxctl in
# the PATH.
set -eu

usage()
{
	echo "usage: durable_pool.sh [-w WORKERS] [-n JOBS] [FOLDER]" >&2
	exit 2
}

# In a script of its own this would be:
#	exec mboxctl work -j 3 jobs -- ./do_one_job
pool()
{
	# shellcheck disable=SC2016
	exec mboxctl work -j "$workers" jobs -- sh -c '
		n=$(cat)
		sleep 0.1
		echo "job $MBOX_SEQ: $((n * n))" >results'
}

# How many results there are, each counted once.
done_so_far()
{
	mboxctl look --json results | grep -o '"job [0-9]*:' | sort -u | wc -l
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
[[ $# -le 1 && $workers =~ ^[1-9][0-9]{0,2}$ && $count =~ ^[1-9][0-9]{0,2}$ ]] ||
	usage

group=$(mktemp -d "${1:-/mnt/mbox}/durable.XXXXXX")
cd "$group"
group=$PWD
trap 'rm -r "$group"' EXIT
mboxctl create jobs
mboxctl create results
seq "$count" | mboxctl send --lines jobs

pool &
until [ "$(done_so_far)" -gt $((count / 3)) ]; do
	sleep 0.05
done
# What bash says about it is no news.
{
	kill -KILL $!
	wait $! || true
} 2>/dev/null
echo "a pool was killed; jobs that it had are there again:" \
	"$(mboxctl get --bare jobs returned_total)"

# No more jobs will come. The next pool ends when all are done.
mboxctl stop jobs
(pool)
finished=$(done_so_far)
mboxctl recv --all results | sort -t ' ' -k 2n -u
echo "$finished of $count jobs are done"
cd /
[ "$finished" = "$count" ]
