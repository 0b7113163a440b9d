#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# fio as a witness: what it writes is what it reads, in order, and its writers
# and readers go on side by side.
. "$(dirname "$0")/tap.sh"

# Where all is slow, a part will do.
export PART=${TEST_SCALE:-1}
if [ "$PART" -gt 10 ]; then
	PART=1000
	export ENGINES="psync io_uring"
fi
run=$(realpath "$(dirname "$0")")/../../bench/fio/run

# It prints its table as comments and fails with its first bad job.
fio_run()
{
	local patience

	patience 120
	LIMIT=$patience "$run" "$@" >/tmp/fio.out || fail "$(cat /tmp/fio.out)"
	sed 's/^/# /' /tmp/fio.out
}

test_ten_thousand_blocks_are_verified()
{
	fio_run verify
}

test_writers_and_readers_stream()
{
	fio_run stream
}

test_a_writer_and_a_reader_run_for_ten_seconds()
{
	ENGINES="psync io_uring" TIME=$((PART > 1 ? 5 : 10)) fio_run timed
}

test_a_folder_of_mailboxes_is_loaded()
{
	fio_run folder
}

# The verification can fail: a message that is not what was written.
test_a_foreign_message_is_noticed()
{
	: >box
	setfattr -n user.mboxfs.max_messages -v 0 box
	setfattr -n user.mboxfs.max_bytes -v 0 box
	head -c 4096 /dev/urandom |
		dd of=box bs=4096 iflag=fullblock conv=notrunc status=none
	export ENGINE=psync DEPTH=1 BOX=$PWD/box BS=4096 SIZE=40960
	fails fio "$(dirname "$run")/verify.fio" >/tmp/out 2>&1
	grep -q 'verify' /tmp/out
}

run_tests "$@"
