#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Nothing but "while read", and no job is lost if its reader dies.
#
# With when_read=lease a read takes a message on lease, and the next read by the
# same open file says that it is done. If there is no next one, because the
# reader has ended, the message is there again for another reader. So any old
# program that reads in a loop does each job at least once.
#
#	lease_reader.sh [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. setfattr is in the
# package "attr".
set -eu

[ $# -le 1 ] || {
	echo "usage: lease_reader.sh [FOLDER]" >&2
	exit 2
}

# One open file for all of the loop: "while read job <jobs" would open it anew
# for each job, and so give the job back before it is done. What the loop runs
# must not read the mailbox, or keep it open when the loop is dead: </dev/null.
worker()
{
	local job

	while read -r job; do
		echo "$1 begins $job"
		# As if power had failed, or somebody were out of memory.
		[ "$1 $job" != "Ann job 2" ] || kill -KILL $BASHPID
		true "$job" </dev/null # the work
		echo "$1 has done $job"
	done <"jobs"
}

group=$(mktemp -d "${1:-/mnt/mbox}/lease.XXXXXX")
cd "$group"
group=$PWD
trap 'rm -r "$group"' EXIT
touch jobs
setfattr -n user.mboxfs.when_read -v lease jobs
for job in 1 2 3; do
	echo "job $job" >"jobs"
done
# No more will come: the loops end with the last one.
setfattr -n user.mboxfs.stopped -v 1 jobs

worker Ann &
wait $! 2>/dev/null || echo "Ann is dead"
worker Bob
cd /
