#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What programs do with a folder of mailboxes that were made for files: those of
# type=fifo they leave alone, or take for what they are. The programs come along
# with "make check" (mkscripts/programs).
. "$(dirname "$0")/tap.sh"

export PATH=/vm/python/bin:/vm:$PATH PYTHONHOME=/vm PYTHONPATH=/vm/python HOME=/tmp

# Two messages, and a mailbox without any.
fill()
{
	setfattr -n user.mboxfs.type -v "$1" .
	echo hello >q
	echo world >q
	: >empty
}

# untouched COMMAND...: it ends by itself, and takes no message
untouched()
{
	local got=0

	timeout -k 1 60 "$@" >/tmp/out 2>/tmp/err </dev/null || got=$?
	[ $got -lt 124 ] || fail "status $got: $*: $(head -n 3 /tmp/err)"
	is "$(attr q messages) $(attr q received_total)" "2 0"
}

# The first line of what an event loop reads from a file.
python_pipe()
{
	timeout 60 python3 -S -c '
import asyncio, sys

async def main():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), open(sys.argv[1], "rb"))
    print((await reader.readline()).decode().strip())

asyncio.run(main())
' "$1"
}

test_searches_leave_fifos_alone()
{
	fill fifo
	untouched grep -r hello .
	is "$(cat /tmp/out)" ""
	untouched find . -type f
	is "$(cat /tmp/out)" ""
	untouched find . -type f -exec cat {} +
	untouched file q
	is "$(cat /tmp/out)" "q: fifo (named pipe)"
	untouched grep -D skip hello q
	untouched diff -r . .
}

test_backups_keep_fifos_as_such()
{
	fill fifo
	rm -rf /tmp/{copy,mirror,back}
	mkdir /tmp/back
	untouched tar -cf /tmp/archive .
	tar -xf /tmp/archive -C /tmp/back
	untouched cp -a . /tmp/copy
	untouched rsync -a ./ /tmp/mirror
	[ -p /tmp/back/q ] && [ -p /tmp/copy/q ] && [ -p /tmp/mirror/q ]
}

test_git_leaves_fifos_alone()
{
	fill fifo
	mkdir -p /tmp/git
	export GIT_DIR=/tmp/git GIT_WORK_TREE=$PWD
	timeout 60 git init -q --template= 2>/tmp/err
	untouched git add -A
	is "$(git ls-files)" ""
}

# As regular files they are read, which takes what is in them.
test_those_of_regular_files_are_taken()
{
	fill file
	setfattr -n user.mboxfs.when_empty -v eof q
	setfattr -n user.mboxfs.when_empty -v eof empty
	is "$(timeout 60 grep -rh hello .)" hello
	is "$(attr q messages)" 0
	echo text >q
	is "$(timeout 60 file q)" "q: ASCII text"
	is "$(attr q messages)" 0
	echo text >q
	timeout 60 tar -cf /tmp/archive q
	is "$(tar -xOf /tmp/archive q)" text
	is "$(attr q messages)" 0
	echo text >q
	rm -rf /tmp/mirror
	timeout 60 rsync -a ./ /tmp/mirror
	is "$(cat /tmp/mirror/q)" text
	is "$(attr q messages)" 0
}

test_fifos_that_are_copied_here_become_mailboxes()
{
	rm -rf /tmp/fifos
	mkdir /tmp/fifos
	mkfifo /tmp/fifos/f
	timeout 60 cp -a /tmp/fifos/f a
	timeout 60 rsync -a /tmp/fifos/f b
	tar -cf - -C /tmp/fifos f | timeout 60 tar -xf -
	is "$(attr a type) $(attr b type) $(attr f type)" "fifo fifo fifo"
	echo one >f
	is "$(attr f messages)" 1
}

test_scripts_that_want_a_fifo_get_one()
{
	[[ -p q ]] || mkfifo q
	echo one >q
	[[ -p q ]] || mkfifo q
	is "$(attr q messages)" 1
	: >r
	[ ! -p r ]
	fails mkfifo r 2>/dev/null
}

test_bash_read_obeys_its_timeout_on_a_fifo()
{
	local line rc=0

	mkfifo q
	exec 3<>q
	read -r -t 1 -u 3 line || rc=$?
	[ $rc -gt 128 ] || fail "status $rc"
	echo hello >q
	read -r -t 60 -u 3 line
	is "$line" hello
	# It does not look at it on what is a regular file.
	setfattr -n user.mboxfs.type -v file q
	rc=0
	timeout 3 bash -c 'read -r -t 1 -u 3 line' || rc=$?
	is $rc 124
}

test_asyncio_takes_a_fifo_for_a_pipe()
{
	fill fifo
	is "$(python_pipe q)" hello
	setfattr -n user.mboxfs.type -v file q
	fails python_pipe q 2>/tmp/err
	grep -q 'for pipes/sockets only' /tmp/err
}

test_pagers_and_editors_take_a_fifo_for_one()
{
	fill fifo
	untouched less q
	grep -q 'not a regular file' /tmp/out /tmp/err
	# What is asked for, they do.
	setfattr -n user.mboxfs.when_empty -v eof q
	is "$(timeout 60 less -f q)" $'hello\nworld'
	echo hello >q
	timeout 60 vim.tiny -es -c 'w! /tmp/edited' -c 'q!' q >/tmp/out 2>&1
	is "$(cat /tmp/edited)" hello
	# It makes no files beside it.
	is "$(find . -mindepth 1 | sort)" $'./empty\n./q'
}

run_tests "$@"
