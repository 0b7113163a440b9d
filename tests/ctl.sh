# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the tests of mboxctl share.
. "$(dirname "$0")/tap.sh"

tools=$(cd "$(dirname "$0")/../tools" 2>/dev/null && pwd)
PATH=$tools:$PATH
out=/tmp/ctl.out err=/tmp/ctl.err

# status N COMMAND...: the command's exit status is N
status()
{
	local wanted=$1 got=0

	shift
	"$@" >$out 2>$err || got=$?
	[ $got = "$wanted" ] ||
		fail "line ${BASH_LINENO[0]}: status $got, not $wanted: $*:" \
			"$(head -n 3 $err)"
}

# says TEXT: it is in the last status's complaint, which is one line
says()
{
	grep -qF -- "$1" $err ||
		fail "line ${BASH_LINENO[0]}: '$1' is not in: $(cat $err)"
	is "$(wc -l <$err)" 1
}

# json FILTER: of what is in $out; each line has to be an object
json()
{
	jq -es 'length > 0 and all(type == "object")' $out >/dev/null ||
		fail "line ${BASH_LINENO[0]}: no JSON: $(head -n 3 $out)"
	is "$(wc -l <$out)" "$(jq -s length $out)"
	jq -r "$1" $out
}

verbs()
{
	mboxctl --help | awk '/^  [a-z]/ { print $1 }'
}
