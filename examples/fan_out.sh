#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One sensor, several subscribers.
#
# Each subscriber has a mailbox of its own in a group, and the sensor sends to
# the group: a broadcast never waits, so a slow subscriber holds up nobody. Each
# mailbox has as much room as its subscriber likes, and drops the oldest
# readings for newer ones; an alarm has a priority, is received first, and makes
# no room for an ordinary reading.
#
#	fan_out.sh [-n READINGS] [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. Needs mboxctl in
# the PATH.
set -eu

usage()
{
	echo "usage: fan_out.sh [-n READINGS] [FOLDER]" >&2
	exit 2
}

# Broadcasts readings, the fourth with an alarm, and says how many mailboxes
# have taken each.
sensor()
{
	local n reading priority taken

	for ((n = 1; n <= count; n++)); do
		reading="reading $n" priority=0
		[ $n != 4 ] || reading="alarm in reading 4" priority=9
		taken=$(mboxctl broadcast --priority $priority . "$reading")
		echo "sensor: $reading: taken by $taken"
	done
}

count=10
while getopts n: option; do
	case $option in
	n) count=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -le 1 && $count =~ ^[1-9][0-9]{0,5}$ ]] || usage

group=$(mktemp -d "${1:-/mnt/mbox}/sensor.XXXXXX")
cd "$group"
group=$PWD
trap 'rm -r "$group"' EXIT

# What is made in the group from now on drops the oldest. To subscribe is to
# make a mailbox, to unsubscribe is to remove it. A value of ttl_ms would let
# readings vanish that nobody has read in time.
mboxctl set . when_full=drop_oldest
mboxctl create log max_messages=0
mboxctl create control max_messages=3
mboxctl create display max_messages=1

# This one reads all the time, until the mailbox is stopped and empty.
mboxctl recv --follow --lines log >/dev/null &

sensor

# These look only now. "recv --all" does not wait.
for subscriber in control display; do
	mboxctl recv --all --lines $subscriber | sed "s/^/$subscriber: /"
done

# Of the whole group: nobody can send any more, and who waits gets the end.
mboxctl stop .
wait
for subscriber in log control display; do
	read -r received dropped < <(mboxctl get --bare $subscriber \
		received_total dropped_total | paste -s -d ' ')
	echo "$subscriber: $received received, $dropped dropped"
done
cd /
