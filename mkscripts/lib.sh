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
	local p missing=() log=$cache/apt.log

	command -v apt-get >/dev/null ||
		die "no apt here; please install what these Debian packages" \
			"hold: $*"
	for p; do
		installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	apt_update
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
		die "could not install ${missing[*]}; see $log"
}
