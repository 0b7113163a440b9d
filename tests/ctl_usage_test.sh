#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mboxctl: its help, what it says to wrong use, and what shells complete.
. "$(dirname "$0")/ctl.sh"

test_help_has_every_verb_with_an_example()
{
	local verb

	[ "$(verbs | wc -l)" -ge 22 ]
	for verb in $(verbs); do
		status 0 mboxctl "$verb" --help
		grep -q "^usage: mboxctl $verb " $out || fail "$verb: no usage"
		grep -q "^example: mboxctl $verb " $out ||
			fail "$verb: no example"
		! grep -n '.\{81,\}' $out || fail "$verb: too wide"
	done
	status 0 mboxctl --version
	grep -qE '^mboxctl [0-9]+\.[0-9][0-9a-z.~]*$' $out
	! mboxctl --help | grep '.\{81,\}' || fail "too wide"
}

test_wrong_use_is_status_2_and_says_what_is_wrong()
{
	local verb

	for verb in $(verbs); do
		status 2 mboxctl "$verb" --wrong
		says "mboxctl: $verb: unknown option --wrong"
		status 2 mboxctl "$verb" -Z
		says "mboxctl: $verb: unknown option -Z"
	done
	for verb in create send recv peek stat get set stop start purge flush \
		revoke broadcast wait sleep awake barrier dump load; do
		status 2 mboxctl $verb
		says "mboxctl: $verb: an argument is missing"
	done
	for verb in recv peek wait sleep; do
		status 2 mboxctl $verb a b
		says "too many arguments: 'b'"
	done
	status 2 mboxctl
	status 2 mboxctl frobnicate
	says "there is no verb 'frobnicate'"
	mboxctl create q
	status 2 mboxctl send --priority 32768 q x
	says "--priority: '32768' is out of range"
	status 2 mboxctl send --priority -1 q x
	status 2 mboxctl send --tag 18446744073709551616 q x
	status 2 mboxctl send --timeout soon q x
	says "'soon' is no such value"
	status 2 mboxctl send --timeout 1e9 q x
	status 2 mboxctl send --timeout 9999999999999h q x
	status 2 mboxctl send --sync --delay 1s q x
	status 2 mboxctl send --lines q x
	status 2 mboxctl recv --count 0 q
	status 2 mboxctl recv --all --follow q
	status 2 mboxctl recv --from 0 q
	status 2 mboxctl create --mode 888 r
	status 2 mboxctl create --mode 77777 r
	status 2 mboxctl wait --readable --writable q
	status 2 mboxctl barrier q 0
	status 2 mboxctl barrier q many
	status 2 mboxctl watch --sort name
	status 2 mboxctl watch --interval 1ms
	status 2 mboxctl dump .
	status 2 mboxctl dump --delayed leave . /tmp/d
	status 2 mboxctl dump --take --delayed burn . /tmp/d
	status 2 mboxctl bench --size 100m
	is "$(attr q sent_total)" 0
	fails test -e r
}

test_errors_are_status_1_and_name_the_path()
{
	local verb

	for verb in send recv peek stat get stop start purge flush revoke \
		broadcast wait sleep awake ls watch bench; do
		status 1 mboxctl $verb ./none </dev/null
		says "mboxctl: $verb: ./none: No such file"
		status 1 mboxctl $verb /tmp </dev/null
		says "mboxctl: $verb: /tmp: "
	done
	status 1 mboxctl barrier none 1
	status 1 mboxctl set none max_messages=1
	says "No such file"
	status 1 mboxctl create /tmp/not-on-mboxfs
	says "mboxctl: create: /tmp/not-on-mboxfs: not on mboxfs"
	fails test -e /tmp/not-on-mboxfs
	mboxctl create q
	for verb in send recv peek wait purge; do
		status 1 mboxctl $verb . </dev/null
	done
	status 1 mboxctl broadcast q x
	status 1 mboxctl load /tmp/none .
	says "mboxctl: load: /tmp/none: No such file"
}

# complete WORD...: what bash offers for the last one
complete_words()
{
	# As in the user's shell, where finding nothing ends nothing.
	set +e
	trap - ERR
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_mboxctl
	printf '%s ' "${COMPREPLY[@]}"
}

test_bash_completion()
{
	local verb

	# shellcheck source=../tools/completion/mboxctl.bash
	. mboxctl.bash
	is "$(complete_words mboxctl st)" "stat stop start "
	for verb in $(verbs); do
		is "$(complete_words mboxctl "$verb" --hel)" "--help "
	done
	is "$(complete_words mboxctl send --p)" "--priority "
	is "$(complete_words mboxctl get q max_m)" \
		"max_message_size max_messages "
	is "$(complete_words mboxctl get q expired)" "expired_total "
	is "$(complete_words mboxctl set q expired)" " "
	is "$(complete_words mboxctl set q when_f)" "when_full= "
	is "$(complete_words mboxctl set q when_full =)" \
		"block fail drop_oldest default "
	is "$(complete_words mboxctl set q when_full = d)" "drop_oldest default "
	is "$(complete_words mboxctl watch --sort d)" "depth "
	: >quite
	is "$(complete_words mboxctl recv qu)" "quite "
}

run_tests "$@"
