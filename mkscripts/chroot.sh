# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Folders with a Debian in them, for what this machine's own cannot tell. To be
# read after lib.sh, which sets what this uses.
# shellcheck disable=SC2154

# The mirror that this machine takes its packages from.
mirror()
{
	sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' \
		/etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -v security | head -n 1
}

# make_chroot SUITE PACKAGE,...: a Debian of that suite in $cache/chroot/SUITE,
# with these packages. It is made once for each list of packages.
make_chroot()
{
	local suite=$1 packages=$2 chroot=$cache/chroot/$1
	local log=$cache/chroot.log

	[ "$(cat "$chroot/ready" 2>/dev/null)" != "$packages" ] || return 0
	need_packages mmdebstrap debian-archive-keyring
	say "making a chroot of Debian $suite, once"
	as_root rm -rf --one-file-system "$chroot"
	mkdir -p "${chroot%/*}"
	as_root mmdebstrap --variant=apt --skip=cleanup/apt \
		--aptopt='Acquire::Check-Valid-Until "false"' \
		--include="$packages" "$suite" "$chroot" \
		"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $suite main" \
		>"$log" 2>&1 || die "could not make the chroot; see $log"
	echo "$packages" | as_root tee "$chroot/ready" >/dev/null
}

# chroot_kernel SUITE: print the version of the newest kernel that the chroot
# has headers of; its image goes to those that mkscripts/kernel keeps.
chroot_kernel()
{
	local chroot=$cache/chroot/$1 version image tmp

	# shellcheck disable=SC2012
	version=$(ls "$chroot/lib/modules" | sort -V | tail -n 1)
	image=$cache/kernels/$version/vmlinuz
	if [ ! -e "$image" ]; then
		say "fetching the kernel image $version"
		mkdir -p "${image%/*}"
		tmp=$(mktemp -d)
		# Newer releases have the image in a package of its own.
		as_root chroot "$chroot" sh -c "
			rm -rf /tmp/image && mkdir /tmp/image && cd /tmp/image
			for p in linux-binary linux-image; do
				apt-get -q -o APT::Sandbox::User=root \
					download \$p-$version && exit
			done" >"$cache/apt.log" 2>&1 ||
			die "could not fetch it; see $cache/apt.log"
		dpkg -x "$chroot"/tmp/image/*.deb "$tmp"
		as_root rm -rf "$chroot/tmp/image"
		find "$tmp" -name 'vmlinuz*' -exec cp {} "$image" \;
		rm -rf "$tmp"
	fi
	echo "$version"
}
