#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What in a kernel's log makes a run fail, and what does not.
. "$(dirname "$0")/tap.sh"

complaints=$(realpath "$(dirname "$0")")/complaints

# complains TEXT WANTED: about how many lines
complains()
{
	is "$(printf '%b' "$1" | "$complaints" | wc -l)" "$2"
}

# race FUNCTION: KCSAN's report of one
race()
{
	printf '%s\n' \
		"[    1.0] ===================================" \
		"[    1.0] BUG: KCSAN: data-race in some / other" \
		"[    1.0] read to 0xffff of 8 bytes by task 3 on cpu 0:" \
		"[    1.0]  $1" \
		"[    1.0] ==================================="
}

kernels="do_nanosleep+0x54/0x198"
ours="mbox_send+0x1f/0x22b [mboxfs]"

test_an_everyday_log()
{
	complains "[    0.0] Linux version 6.1\n[    1.0] mboxfs: loaded\n" 0
}

test_what_fails_a_run()
{
	local line

	for line in "BUG: KASAN: use-after-free in f" "WARNING: CPU: 0 at f" \
		"Oops: 0002" "INFO: task cat blocked for more than 60 seconds." \
		"unreferenced object 0xffff" "Kernel panic - not syncing"; do
		complains "[    1.0] $line\n" 1
	done
}

test_the_oom_killer_of_a_memory_cgroup_is_no_fault()
{
	local first="dd invoked oom-killer: gfp_mask=0x1\nCall Trace:\n f+1/2\n"

	complains "${first}Memory cgroup out of memory: Killed process 5\n" 0
	complains "${first}Out of memory: Killed process 5\n" 1
	complains "$first" 1
}

test_a_data_race_counts_where_mboxfs_has_part()
{
	complains "$(race "$kernels")\n" 0
	complains "$(race "$ours")\n" 1
	complains "$(race "$ours")\n$(race "$kernels")\n" 1
	complains "$(race "$kernels")\n$(race "$ours")\n" 1
	complains "$(race "$kernels\nWARNING: CPU: 1 at f")\n" 1
}

test_a_report_without_an_end_counts()
{
	complains "$(race "$kernels" | head -n 4)\n" 1
}

run_tests "$@"
