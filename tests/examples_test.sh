#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The examples run, and do what they say.
. "$(dirname "$0")/tap.sh"
built=$(cd "$(dirname "$0")/.." && pwd)
examples=$built/examples
bench=$built/bench
PATH=$built/tools:$PATH

# usage_of COMMAND...: it is wrong, and the usage says what would be right
usage_of()
{
	local rc=0 patience

	patience 60
	timeout "$patience" "$@" >/tmp/out 2>/tmp/err || rc=$?
	is $rc 2
	grep -q usage: /tmp/err
}

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
	soon rmdir mysend
}

test_synchmess()
{
	"$bench/synchmess" -s 2 "$PWD" >/tmp/out
	sed 's/^/# /' /tmp/out
	is "$(grep -c ' 0 *0$' /tmp/out)" 0
}

test_a_pool_of_workers()
{
	local n

	# More jobs than have room, and fewer than workers.
	"$examples/worker_pool.sh" -n 12 . >/tmp/out
	is "$(tail -n 1 /tmp/out)" "12 of 12 jobs are done"
	is "$(sed '$d; s/.*: //' /tmp/out | sort -n | tr '\n' ' ')" \
		"1 4 9 16 25 36 49 64 81 100 121 144 "
	"$examples/worker_pool.sh" -w 3 -n 1 . >/tmp/out
	is "$(sed 's/.*: //' /tmp/out)" $'1\n1 of 1 jobs are done'
	is "$(ls)" ""
	usage_of "$examples/worker_pool.sh" -w none .
	usage_of "$examples/worker_pool.sh" . .
	fails "$examples/worker_pool.sh" /tmp 2>/tmp/err
	grep -q 'not on a mount of mboxfs' /tmp/err
}

# However often it is killed, all jobs are done.
test_a_pool_that_is_killed()
{
	"$examples/durable_pool.sh" -n 12 . >/tmp/out
	grep -q '^a pool was killed; .*: [0-9]*$' /tmp/out
	is "$(tail -n 1 /tmp/out)" "12 of 12 jobs are done"
	is "$(sed -n 's/^job [0-9]*: //p' /tmp/out | tr '\n' ' ')" \
		"1 4 9 16 25 36 49 64 81 100 121 144 "
	is "$(ls)" ""
	usage_of "$examples/durable_pool.sh" -w none .
	usage_of "$examples/durable_pool.sh" -n 0 .
}

test_while_read_with_leases()
{
	"$examples/lease_reader.sh" . >/tmp/out
	is "$(cat /tmp/out)" "Ann begins job 1
Ann has done job 1
Ann begins job 2
Ann is dead
Bob begins job 2
Bob has done job 2
Bob begins job 3
Bob has done job 3"
	is "$(ls)" ""
	usage_of "$examples/lease_reader.sh" . .
}

test_jobs_that_fail_come_again_and_die()
{
	"$examples/retry_queue.sh" -u 100 . >/tmp/out
	is "$(sort /tmp/out)" "$(sort <<-'WANTED'
	to Ann, attempt 1
	message 2, attempt 1: status 75; again in 0.1 s
	message 3, attempt 1: status 1; again in 0.1 s
	to Bob, attempt 2
	message 3, attempt 2: status 1; again in 0.2 s
	message 3, attempt 3: status 1; dead
	Dead is what has failed three times:
	Eve
	Somebody finds the address, and has it tried again:
	1
	to Eve, attempt 1
	WANTED
	)"
	is "$(tail -n 1 /tmp/out)" "to Eve, attempt 1"
	is "$(ls)" ""
	usage_of "$examples/retry_queue.sh" -u 1s .
}

test_a_worker_with_leases_and_epoll()
{
	local worker n

	mboxctl create jobs lease_ms=3000
	mboxctl send jobs '60000 long' '0 short' '20 middle' 'fail once' 'what?'
	"$examples/lease_worker" -n 2 jobs >/tmp/out &
	worker=$!
	await jobs received_total 2
	await jobs dead_messages 1
	await jobs delayed_messages 1
	# The long one is kept, and there again when its worker has gone.
	is "$(attr jobs leased_messages)" 1
	kill $worker
	wait $worker
	is "$(attr jobs leased_messages)" 0
	is "$(mboxctl look --json --what readable jobs |
		jq -c '[.message, .attempts]' | grep long)" '["60000 long",1]'
	is "$(sort -u /tmp/out | tr '\n' ,)" \
		"message 5: no job,middle: done,once: failed,short: done,"
	mboxctl purge jobs >/dev/null
	# All are done, whoever is killed; stopping ends it.
	for n in $(seq 20); do
		mboxctl send jobs "10 job$n"
	done
	"$examples/lease_worker" -n 3 jobs >/tmp/out &
	worker=$!
	await_text /tmp/out 'job.*done'
	{
		kill -KILL $worker
		wait $worker || true
	} 2>/dev/null
	mboxctl stop jobs
	"$examples/lease_worker" jobs >>/tmp/out
	is "$(attr jobs received_total) $(attr jobs messages)" "22 0"
	usage_of "$examples/lease_worker"
	usage_of "$examples/lease_worker" -n 0 jobs
}

test_delayed_jobs()
{
	local patience

	patience 1
	"$examples/delayed_jobs.sh" -u $((400 * patience)) . >/tmp/out
	is "$(grep -v :$ /tmp/out)" "job, at once
job, after 1 unit
job, after 2 units
1
delayed: 2
delayed: 0
job, of tonight
job, of tomorrow"
	is "$(ls)" ""
	usage_of "$examples/delayed_jobs.sh" -u 1s .
}

test_a_sensor_fans_out()
{
	"$examples/fan_out.sh" -n 6 . >/tmp/out
	is "$(grep -v log: /tmp/out)" "sensor: reading 1: taken by 3
sensor: reading 2: taken by 3
sensor: reading 3: taken by 3
sensor: alarm in reading 4: taken by 3
sensor: reading 5: taken by 2
sensor: reading 6: taken by 2
control: alarm in reading 4
control: reading 5
control: reading 6
display: alarm in reading 4
control: 3 received, 3 dropped
display: 1 received, 3 dropped"
	grep -qx 'log: 6 received, 0 dropped' /tmp/out
	is "$(ls)" ""
	usage_of "$examples/fan_out.sh" -n 0 .
}

# The sums are wrong if anybody goes on too early.
test_phases_of_processes()
{
	local n k

	for n in 1 2 7 20; do
		"$examples/phases" -n $n . >/tmp/out
		for ((k = 0; k < n; k++)); do
			grep -qx "process $k: the sum is $(((k + 1) * (k + 2) / 2))" \
				/tmp/out
		done
	done
	is "$(grep -c 'all 20 have come' /tmp/out)" 5
	is "$(ls)" ""
	usage_of "$examples/phases" -n 0
}

test_a_server_with_epoll()
{
	local server n asking=() pids

	"$examples/epoll_server" serve . >/tmp/server &
	server=$!
	await_text /tmp/server '^ready$'
	is "$("$examples/epoll_server" ask upper 'Hello, 1' .)" "HELLO, 1"
	is "$("$examples/epoll_server" ask reverse 'Hello' .)" "olleH"
	for n in $(seq 4); do
		"$examples/epoll_server" ask upper "client $n" . >"/tmp/reply.$n" &
		asking+=($!)
	done
	wait "${asking[@]}"
	for n in $(seq 4); do
		is "$(cat "/tmp/reply.$n")" "CLIENT $n"
	done
	fails "$examples/epoll_server" ask lower x . 2>/tmp/err
	fails "$examples/epoll_server" serve . 2>/tmp/err
	grep -q 'upper: Device or resource busy' /tmp/err
	pids=$(sed -n 's/.*replied to //p' /tmp/server | sort -u | wc -l)
	is "$pids" 6
	kill $server
	wait $server
	is "$(ls text)" replies
	usage_of "$examples/epoll_server" ask upper
	usage_of "$examples/epoll_server"
}

test_a_reader_with_io_uring()
{
	local reader n m

	mkdir group
	touch group/{a,b,c}
	"$examples/uring_reader" group >/tmp/out &
	reader=$!
	for m in 1 2 3; do
		for n in c a b; do
			echo -n "$n says $m" >group/$n
		done
	done
	mboxctl send group/a ''	# an empty message is no end
	echo -en '\033[2Jlast' >group/a
	for n in a b; do
		setfattr -n user.mboxfs.stopped -v 1 group/$n
	done
	await group/c messages 0
	rm group/c
	wait $reader
	for n in a b c; do
		is "$(grep "^$n: $n" /tmp/out)" \
			"$(printf "$n: $n says %d\n" 1 2 3)"
	done
	grep -qxF 'a: ?[2Jlast' /tmp/out
	mkdir empty
	fails "$examples/uring_reader" empty 2>/tmp/err
	grep -q 'no mailbox' /tmp/err
	usage_of "$examples/uring_reader" . .
}

run_tests "$@"
