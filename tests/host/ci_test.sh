#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# .ci/run, with stages that do nothing but what is said here.
. "$(dirname "$0")/../tap.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)

# A tree of its own, in which "make NAME" runs ./make.NAME, or prints one result.
make_tree()
{
	mkdir -p .ci mkscripts bin
	cp "$top/.ci/run" .ci
	cp "$top/mkscripts/lib.sh" mkscripts
	cat >mkscripts/install <<<'#!/bin/true'
	cp mkscripts/install mkscripts/debug-kernel
	cat >bin/make <<-'END'
		#!/bin/bash
		name=$1
		for word; do
			case $word in
			VARIANT=* | KERNEL=*) name=${word#*=} ;;
			esac
		done
		if [ -e "make.$name" ]; then
			. "./make.$name"
		else
			printf '# a_test: 3 s\n1 passed, 0 failed\n'
		fi
	END
	chmod 755 mkscripts/* bin/make
}

run_ci()
{
	PATH=$PWD/bin:$PATH exec .ci/run >out 2>&1
}

says()
{
	grep -qE -- "$1" out || fail "no line like $1: $(sed 's/^/#  /' out)"
}

nobody_left()
{
	! pgrep -f "^sleep 54321" >/dev/null
}

test_all_pass()
{
	make_tree
	echo 'echo built' >make.run
	(run_ci)
	is "$(tail -n 1 out)" "11 passed, 0 failed"
	# The table: stages, seconds of each, of the programs in each.
	says '^ +run +check +6.12 '
	says '^all of it +[0-9]+ +[0-9]+ '
	says '^a_test +3 +3 '
}

test_one_fails()
{
	make_tree
	echo 'echo "5 passed, 2 failed"; exit 1' >make.kcsan
	echo 'exit 1' >make.lint
	fails eval '(run_ci)'
	is "$(tail -n 1 out)" "14 passed, 3 failed"
}

test_what_is_interrupted_has_failed()
{
	local pid

	make_tree
	echo 'sleep 54321' >make.6.12
	echo 'sleep 54321' >make.newest
	run_ci &
	pid=$!
	soon grep -q '6.12: begun' out
	soon grep -q 'newest: begun' out
	kill -TERM $pid
	fails wait $pid
	soon nobody_left
	is "$(grep -c '^has not run$' out)" 7
	is "$(tail -n 1 out)" "2 passed, 9 failed"
}

test_what_is_out_of_time_has_failed()
{
	make_tree
	echo 'sleep 54321' >make.check
	fails eval '(CI_SECONDS=3 run_ci)'
	soon nobody_left
	# On a slow machine others have no time, either.
	says '^== check: status 124'
	says '[0-9] passed, [1-9][0-9]* failed$'
}

run_tests "$@"
