# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the scripts of this folder share.

# Where built and downloaded things are kept, outside the tree.
cache=${MBOXFS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mboxfs}

# The project's root.
# shellcheck disable=SC2034
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "${0##*/}: $*"
	exit 1
}

# Run a command as root.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root or sudo for: $*"
	fi
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# locked NAME COMMAND...: of those with the same name one at a time
locked()
{
	local file=$cache/$1.lock lock rc=0

	shift
	mkdir -p "$cache"
	exec {lock}>"$file"
	flock "$lock"
	"$@" || rc=$?
	exec {lock}>&-
	return $rc
}

# Ask for the package lists once, if there are none or a package is missing.
apt_update()
{
	local log=$cache/apt.log

	[ -z "${apt_updated:-}" ] || return 0
	mkdir -p "$cache"
	say "reading the package lists"
	as_root apt-get update >"$log" 2>&1 ||
		die "apt-get update failed; see $log"
	apt_updated=1
}

# Install those of the named Debian packages that are missing.
need_packages()
{
	local p missing=()

	command -v apt-get >/dev/null ||
		die "no apt here; please install what these Debian packages" \
			"hold: $*"
	for p; do
		installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} = 0 ] || locked apt install_packages "${missing[@]}"
}

install_packages()
{
	local missing=("$@") log=$cache/apt.log

	apt_update
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
		die "could not install ${missing[*]}; see $log"
}

# check_config <ASKED: every line that a kernel is asked for has to be in the
# .config of this folder.
check_config()
{
	local line wrong=0

	while read -r line; do
		case $line in
		'' | '#'*) continue ;;
		*=n)
			! grep -q "^${line%=n}=" .config || {
				say "set though asked not to be: ${line%=n}"
				wrong=1
			}
			;;
		*)
			grep -qx "$line" .config || {
				say "not set: $line"
				wrong=1
			}
			;;
		esac
	done
	[ $wrong = 0 ]
}

# build_module TREE OUT [ARGUMENT...]: the module for the kernel whose headers
# are in TREE, in OUT/mboxfs, apart from what is built in the tree's own folder.
build_module()
{
	locked build build_module_alone "$@"
}

build_module_alone()
{
	local tree=$1 out=$2

	shift 2
	mkdir -p "$out"
	cp -ru "$top/mboxfs" "$out"
	find "$out" -name '*.gcda' -delete
	make -C "$tree" M="$(realpath "$out")/mboxfs" "$@" modules \
		>"$out/log" 2>&1 || {
		tail -n 20 "$out/log"
		return 1
	}
}

# tests_in_vm [OPTION...] -- COMMAND...: mkscripts/vm with all that tests need. It
# looks for hangs itself, so the limit for the machine is far away.
tests_in_vm()
{
	local programs

	programs=$(cd "$top" && mkscripts/programs) || return
	# shellcheck disable=SC2086
	"$top/mkscripts/vm" $programs --timeout 14400 --add build/tests \
		--add bench/fio --add build/examples --add build/bench/synchmess \
		--add build/tools --add tools/completion/mboxctl.bash "$@"
}

# settings_for KIND: how much the tests are to do: on the stock kernel of "make
# check", on other stock kernels, on debug kernels, which are ten times slower;
# with TEST_LONG ("make nightly") as much as finds something now and then.
settings_for()
{
	case $1${TEST_LONG:+-long} in
	stock) echo STRESS_SECONDS=5 MODEL_SECONDS=8 UNLOAD_SECONDS=8 \
		FUZZ_CALLS=100000 TEST_SCALE=4 ;;
	other) echo STRESS_SECONDS=4 MODEL_SECONDS=5 UNLOAD_SECONDS=5 \
		FUZZ_CALLS=50000 TEST_SCALE=10 ;;
	debug) echo STRESS_SECONDS=6 MODEL_SECONDS=6 UNLOAD_SECONDS=15 \
		FUZZ_CALLS=4000 TEST_SCALE=50 ;;
	*-long) echo TEST_LONG=1 STRESS_SECONDS=120 MODEL_SECONDS=600 \
		UNLOAD_SECONDS=300 TEST_SHARE=1 TEST_TIMEOUT=3600 ;;&
	stock-long) echo FUZZ_CALLS=3000000 ;;
	other-long) echo FUZZ_CALLS=1000000 ;;
	debug-long) echo FUZZ_CALLS=50000 TEST_SCALE=20 ;;
	esac
}

# What is about programs, and not about the kernel: "make check" has it.
# shellcheck disable=SC2034
programs_only="complaints_test.sh ctl_dump_test.sh ctl_usage_test.sh
ctl_save_test.sh ctl_work_test.sh examples_test.sh lib_shared_test
programs_test.sh run_test.sh"

passed=0 failed=0

# count_results STATUS LOG: add what a run says in its closing line; one that
# fails without saying so counts as one failure.
count_results()
{
	local good=0 bad=0

	read -r good bad < <(sed -n \
		's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$2" |
		tail -n 1)
	if [ "$1" != 0 ] && [ "${bad:-0}" = 0 ]; then
		bad=1
	fi
	passed=$((passed + ${good:-0}))
	failed=$((failed + ${bad:-0}))
}
