#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Jobs that fail: tried again later and later, and put aside in the end.
#
# "mboxctl work" gives back a job that has failed, after a delay that grows with
# each attempt; meanwhile the others go on. After the last attempt it is dead: it
# stays in its mailbox, where it can be looked at, taken out, or, when the
# mistake has been found, made readable again.
#
#	retry_queue.sh [-u MILLISECONDS] [FOLDER]
#
# FOLDER is on a mount of mboxfs; /mnt/mbox if there is none. -u is the delay
# after the first attempt, 200 if not given. Needs mboxctl in the PATH.
set -eu

usage()
{
	echo "usage: retry_queue.sh [-u MILLISECONDS] [FOLDER]" >&2
	exit 2
}

unit=200
while getopts u: option; do
	case $option in
	u) unit=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $# -le 1 && $unit =~ ^[1-9][0-9]{0,4}$ ]] || usage

group=$(mktemp -d "${1:-/mnt/mbox}/retry.XXXXXX")
cd "$group"
group=$PWD
trap 'rm -r "$group"' EXIT

# Whoever takes jobs here has three attempts for each, whatever he uses.
mboxctl create jobs max_attempts=3

# Delivers what it is given, if the address is known, and the line not busy as
# it is for the first attempt of "Bob".
deliver()
{
	# shellcheck disable=SC2016
	mboxctl work -r "${unit}ms" jobs -- sh -c '
		read -r name
		case $name,$MBOX_ATTEMPTS in
		Bob,1) exit 75 ;;
		esac
		[ "$name" != Eve ] || [ -e address ] || exit 1
		echo "to $name, attempt $MBOX_ATTEMPTS"' 2>&1 |
		sed 's/.*message/message/'
}

mboxctl send --lines jobs <<NAMES
Ann
Bob
Eve
NAMES
mboxctl stop jobs
deliver

echo "Dead is what has failed three times:"
mboxctl look --what dead jobs | sed -n 's/^dead.* //p'

echo "Somebody finds the address, and has it tried again:"
touch address
mboxctl kick jobs
deliver
cd /
