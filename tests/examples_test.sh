#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The examples run, and do what they say.
. "$(dirname "$0")/tap.sh"
built=$(cd "$(dirname "$0")/.." && pwd)
examples=$built/examples
bench=$built/bench

# Nobody is behind the barrier before all have come.
test_a_barrier_made_of_messages()
{
	local n

	for n in 1 2 8 30; do
		"$examples/message_barrier" -n $n "$PWD" >/tmp/out
		is "$(grep -c before /tmp/out)" $n
		is "$(grep -c after /tmp/out)" $n
		is "$(head -n $n /tmp/out | grep -c before)" $n
	done
	fails "$examples/message_barrier" -n x 2>/dev/null
	# The processes have gone, and so have their mailboxes.
	for _ in $(seq 100); do
		! rmdir mysend 2>/dev/null || return 0
		sleep 0.1
	done
	fail "mailboxes stay"
}

test_synchmess()
{
	"$bench/synchmess" -s 2 "$PWD" >/tmp/out
	sed 's/^/# /' /tmp/out
	is "$(grep -c ' 0 *0$' /tmp/out)" 0
}

run_tests "$@"
