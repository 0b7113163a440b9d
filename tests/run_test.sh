#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What tests/run makes of programs that do not end, leave others, or are broken.
. "$(dirname "$0")/tap.sh"

here=$(realpath "$(dirname "$0")")
programs=/tmp/run_test

# It loads and unloads the module itself.
export MBOXFS_MOUNT=/tmp/run_cwd
mkdir -p $MBOXFS_MOUNT $programs
umount /mnt/mbox 2>/dev/null
rmmod mboxfs 2>/dev/null
cp "$here/run" "$here/complaints" $programs

# program NAME: made of what is typed in
program()
{
	{ echo '#!/bin/bash'; cat; } >"$programs/$1"
	chmod 755 "$programs/$1"
}

told()
{
	sed 's/^/#  /' /tmp/run.out
	fail "$1"
}

# says REGEX: a line of what was run is so
says()
{
	grep -qE -- "$1" /tmp/run.out || told "no line like $1"
}

# run_it STATUS NAME...
run_it()
{
	local wanted=$1 rc=0

	shift
	TEST_TIMEOUT=1 TEST_WITHOUT='' "$programs/run" "$@" >/tmp/run.out 2>&1 ||
		rc=$?
	[ $rc = "$wanted" ] || told "status $rc"
}

as_user='setpriv --reuid 1000 --regid 1000 --clear-groups'

test_results_are_counted()
{
	program good <<<'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2'
	program bad <<<'echo "ok 1 - a"; echo "not ok 2 - b"; echo 1..2; exit 1'
	run_it 0 good
	says '^2 passed, 0 failed$'
	run_it 1 good bad
	says '^3 passed, 1 failed$'
}

test_what_does_not_end_is_ended_with_all_its_children()
{
	program hangs <<-END
		$as_user setsid sleep 5000 &
		echo "ok 1 - a"
		$as_user sleep 5000
	END
	program good <<<'echo "ok 1 - a"; echo 1..1'
	run_it 1 hangs good
	says '^# hangs: no end within 1 s'
	says '^2 passed, 1 failed$'
	is "$(pgrep -c -x sleep || true)" 0
}

test_who_stays_holds_nothing_up()
{
	program leaves <<-END
		$as_user setsid sleep 5000 &
		echo "ok 1 - a"
		echo 1..1
	END
	run_it 0 leaves
	says '^# leaves: left 1 behind$'
	is "$(pgrep -c -x sleep || true)" 0
}

test_a_broken_program_is_a_failure()
{
	program early <<<'echo "ok 1 - a"; echo 1..2'
	program silent <<<'exit 0'
	program status <<<'echo "ok 1 - a"; echo 1..1; exit 3'
	# As one of 32 bit is for a kernel that has no room for it.
	printf '\177ELF' >$programs/foreign
	chmod 755 $programs/foreign
	run_it 1 early silent status foreign none
	says '^# early: ran 1 of 2 tests$'
	says '^# silent: ran 0 of \? tests$'
	says '^# status: ended with status 3$'
	says '^# foreign: this kernel does not start it: .*Exec format error$'
	says '^# none: this kernel does not start it: .*No such file'
	says '^2 passed, 5 failed$'
}

run_tests "$@"
