#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What mkscripts/initramfs puts into the VM's image; on this machine, no VM.
. "$(dirname "$0")/../tap.sh"

top=$(cd "$(dirname "$0")/../.." && pwd)

# make_image FILE...: make one, and unpack it in ./image
make_image()
{
	rm -rf image
	mkdir -p own/vm image
	"$top/mkscripts/initramfs" run own image.cpio "$@" 2>err || return
	(cd image && busybox cpio -i <../image.cpio 2>/dev/null)
}

# A program that prints what a library of its own says.
build()
{
	echo 'int said(void) { return 7; }' >said.c
	echo 'int said(void); int main(void) { return said(); }' >main.c
	mkdir -p lib bin
	gcc -shared -o lib/libsaid.so said.c "$@"
	gcc -o bin/main main.c -Llib -lsaid "$@"
}

# in_image COMMAND...: its status, with the image as the root
in_image()
{
	local rc=0

	if [ "$(id -u)" = 0 ]; then
		chroot image "$@" || rc=$?
	else
		unshare -r chroot image "$@" || rc=$?
	fi
	echo $rc
}

test_a_path_through_linked_folders()
{
	mkdir -p real/deep
	ln -s real link
	ln -s "$PWD/link/deep" absolute
	cp "$(type -P true)" absolute/program
	make_image absolute/program /bin/tar
	is "$(readlink image/bin)" usr/bin
	fails test -L image/usr/bin
	test -x image/usr/bin/tar
	is "$(readlink "image$PWD/link")" real
	test -x "image$PWD/real/deep/program"
	# By its bare name, too.
	is "$(readlink image/vm/program)" "$PWD/absolute/program"
	is "$(in_image /vm/program)" 0
	is "$(in_image /vm/tar --version | tail -n 1)" 0
}

test_a_linked_folder_itself()
{
	mkdir real
	cp "$(type -P true)" real/program
	ln -s real link
	ln -s ../real/program real/other
	make_image link
	is "$(readlink "image$PWD/link")" real
	is "$(in_image "$PWD/link/program")" 0
	is "$(in_image "$PWD/real/other")" 0
}

test_what_cannot_be_added_is_refused()
{
	fails make_image none
	grep -q 'no such file to add: .*/none' err
	fails make_image /
	# The VM would run it, and not what it was told to.
	mkdir -p own/vm
	echo true >own/vm/command
	echo false >./command
	fails make_image command
	grep -q "command: the VM has a file of its own by that name" err
}

# Each way in which a loader finds a library.
test_libraries_are_found()
{
	# shellcheck disable=SC2016
	build '-Wl,-rpath,$ORIGIN/../lib'
	make_image bin/main
	test -e "image$PWD/lib/libsaid.so"
	build "-Wl,-rpath,/none:$PWD/lib" -Wl,--disable-new-dtags
	make_image bin/main
	is "$(in_image "$PWD/bin/main")" 7
	# By LD_LIBRARY_PATH; it is to be there then.
	build
	make_image bin/main lib/libsaid.so
	is "$(LD_LIBRARY_PATH=/vm in_image "$PWD/bin/main")" 7
}

test_a_missing_library_is_an_error()
{
	build
	fails make_image bin/main
	grep -q "bin/main needs the library libsaid.so, which is not here" err
	# Not one of another kind of machine.
	build "-Wl,-rpath,$PWD/lib"
	gcc -m32 -shared -o lib/libsaid.so said.c
	fails make_image bin/main
	grep -q "bin/main needs the library libsaid.so" err
	# That of a library, that of a plugin.
	build "-Wl,-rpath,$PWD/lib"
	echo 'int more(void); int said(void) { return more(); }' >said.c
	echo 'int more(void) { return 8; }' >more.c
	gcc -shared -o libmore.so more.c
	gcc -shared -o lib/libsaid.so said.c -L. -lmore
	fails make_image bin/main
	grep -q "lib/libsaid.so needs the library libmore.so" err
	chmod 644 lib/libsaid.so
	fails make_image lib
	grep -q "lib/libsaid.so needs the library libmore.so" err
	gcc -o bin/main -xc - -Wl,--dynamic-linker=/none/ld.so \
		<<<'int main(void) { return 0; }'
	fails make_image bin/main
	grep -q "bin/main needs /none/ld.so, which is not here" err
}

# As where the kernel runs no 32-bit programs: this one cannot be started.
test_a_program_that_does_not_run_here()
{
	cp /lib/ld-linux.so.2 ld.so
	chmod 644 ld.so
	gcc -m32 -o main -xc - "-Wl,--dynamic-linker=$PWD/ld.so" \
		<<<'int main(void) { return 0; }'
	fails ./main 2>/dev/null
	make_image main
	test -e "image$PWD/ld.so"
	# Of 32 bit: that is byte 4.
	is "$(find image/usr/lib* -name libc.so.6 \
		-exec od -An -tx1 -j4 -N1 {} \;)" " 01"
}

# No machine has to have a loader for it, and none is asked.
test_the_test_for_32_bit_is_static()
{
	make -C "$top" -s build/tests/errno32_test
	LC_ALL=C readelf -hl "$top/build/tests/errno32_test" >elf
	grep -q 'Class: *ELF32' elf
	fails grep -q INTERP elf
}

run_tests "$@"
