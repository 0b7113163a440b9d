# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# TAP for shell tests: each function test_NAME runs in a shell and an empty
# group of its own, and fails with the first command that does.

: "${MBOXFS_MOUNT:=/mnt/mbox}"

fail()
{
	echo "# $*"
	exit 1
}

# is GOT WANTED
is()
{
	[ "$1" = "$2" ] || fail "line ${BASH_LINENO[0]}: got '$1', not '$2'"
}

# fails COMMAND...: "!" would not do, as it never ends a shell under set -e.
fails()
{
	! "$@" || fail "line ${BASH_LINENO[0]}: succeeded: $*"
}

attr()
{
	getfattr --only-values -n "user.mboxfs.$2" "$1" 2>/dev/null
}

# patience SECONDS: sets $patience to as many of this machine, if the others are
# of a quiet one; as tests/run has measured it.
patience()
{
	local slow=''

	read -r slow 2>/dev/null </run/slowness || true
	patience=$(($1 * 10#${slow:-100} / 100))
}

# soon COMMAND...: try until it succeeds, for 20 s of a quiet machine
soon()
{
	local start=$SECONDS patience=0 got=

	while :; do
		! "$@" 2>/dev/null || return 0
		sleep 0.01
		[ $((SECONDS - start)) -gt $patience ] || continue
		# How slow it is may change; a second may begin right here.
		patience 20
		[ $((SECONDS - start)) -le $patience ] || break
	done
	fail "still no success: $*${got:+; got: $got}"
}

# For soon: whether a command prints WANTED, or a line of it is like REGEX.
yields()
{
	local wanted=$1

	shift
	got=$("$@")
	[ "$got" = "$wanted" ]
}

shows()
{
	local regex=$1

	shift
	got=$("$@")
	grep -q "$regex" <<<"$got"
}

# await FILE ATTRIBUTE VALUE
await()
{
	soon yields "$3" attr "$1" "$2"
}

# await_text FILE REGEX: until a line is so
await_text()
{
	soon shows "$2" cat "$1"
}

run_tests()
{
	local t n=0 failed=0 rc start only=${1:-}

	umask 0
	for t in $(declare -F | sed -n 's/^declare -f test_//p'); do
		[ -z "$only" ] || [ "$only" = "$t" ] || continue
		n=$((n + 1))
		start=$SECONDS
		mkdir "$MBOXFS_MOUNT/$t"
		# Not behind "||" or "if": there, set -e does nothing.
		(
			cd "$MBOXFS_MOUNT/$t" || exit 1
			set -eE
			# Not into the output of a $(...) that it happens in.
			trap 'echo "# line $LINENO: $BASH_COMMAND" >&2' ERR
			"test_$t"
		) </dev/null
		rc=$?
		rm -rf "${MBOXFS_MOUNT:?}/$t"
		if [ $rc = 0 ]; then
			echo "ok $n - $t"
		else
			echo "not ok $n - $t"
			failed=1
		fi
		[ $((SECONDS - start)) -le 3 ] ||
			echo "# that took $((SECONDS - start)) s"
	done
	echo "1..$n"
	return $failed
}
