#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A queue of jobs that are done later.
#
# A delayed message is in its mailbox, and counts for its limits, but nobody
# can receive it before it is due. Until then it can be taken back (revoked) or
# made readable at once (published).
#
#	delayed_jobs.sh [-u MILLISECONDS] [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. -u is the unit of
# the first part's delays, 1000 if not given. Needs mboxctl in the PATH.
set -eu

usage()
{
	echo "usage: delayed_jobs.sh [-u MILLISECONDS] [FOLDER]" >&2
	exit 2
}

unit=1000
while getopts u: option; do
	case $option in
	u) unit=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -le 1 && $unit =~ ^[1-9][0-9]{0,5}$ ]] || usage

jobs=$(mktemp -d "${1:-/mnt/mbox}/delayed.XXXXXX")/jobs
trap 'rm -r "${jobs%/*}"' EXIT
mboxctl create "$jobs"

echo "Sent in one order, published in the order in which they are due:"
mboxctl send --delay $((2 * unit))ms "$jobs" "job, after 2 units"
mboxctl send --delay $((1 * unit))ms "$jobs" "job, after 1 unit"
mboxctl send "$jobs" "job, at once"
# Waits for each of the three until it is due.
mboxctl recv --lines --count 3 "$jobs"

# Revoking is for all that is delayed in a mailbox; jobs to be taken back one
# by one have a mailbox each, in a group.
echo "Taken back before it was due:"
mboxctl send --delay 1h "$jobs" "job, a mistake"
mboxctl revoke "$jobs"

echo "Nobody wants to wait until these are due:"
mboxctl send --delay 24h "$jobs" "job, of tomorrow"
mboxctl send --delay 8h "$jobs" "job, of tonight"
echo "delayed: $(mboxctl get --bare "$jobs" delayed_messages)"
# sync(1) is fsync(2), which publishes; "mboxctl flush" is the same.
sync "$jobs"
echo "delayed: $(mboxctl get --bare "$jobs" delayed_messages)"
mboxctl recv --lines --all "$jobs"
