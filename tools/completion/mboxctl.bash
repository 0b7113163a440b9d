# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion of mboxctl for bash. Verbs, options, attributes and their words are
# those that its help lists.

_mboxctl_verbs()
{
	mboxctl --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }'
}

_mboxctl_options()
{
	mboxctl "$1" --help 2>/dev/null |
		sed -nE 's/^  (-.,|   ) (--[a-z]*).*/\2/p'
}

# The attributes: all, or with "=" those that can be set.
_mboxctl_attributes()
{
	mboxctl set --help 2>/dev/null | awk -v suffix="$1" '
		/^NAME and/ { on = 1; next }
		/^Counters/ { on = suffix == "" }
		/^$/ { on = 0 }
		on && /^  / { print $1 suffix }'
}

# The words of a policy.
_mboxctl_words()
{
	mboxctl set --help 2>/dev/null | awk -v name="$1" '
		$1 == name && !/ a number$/ {
			for (i = 2; i <= NF; i++)
				print $i
		}
		$1 == name { print "default" }'
}

_mboxctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local verb=${COMP_WORDS[1]} i

	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_mboxctl_verbs) --help --version" -- "$cur")
		return
	fi
	# Bash takes "=" for a word of its own.
	if [ "$cur" = = ]; then
		mapfile -t COMPREPLY < <(_mboxctl_words "$prev")
		return
	elif [ "$prev" = = ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_mboxctl_words "${COMP_WORDS[COMP_CWORD - 2]}")" \
			-- "$cur")
		return
	fi
	case $prev in
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'rate depth' -- "$cur")
		return
		;;
	--delayed)
		mapfile -t COMPREPLY < <(compgen -W 'leave publish' -- "$cur")
		return
		;;
	esac
	if [ "$verb" = look ] && [[ $prev == -w || $prev == --what ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'readable delayed leased dead' -- "${cur##*,}")
		[[ $cur != *,* ]] ||
			COMPREPLY=("${COMPREPLY[@]/#/"${cur%,*},"}")
		return
	fi
	# What follows "--" is a command.
	if [ "$verb" = work ]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			[ "${COMP_WORDS[i]}" = -- ] || continue
			if [ $((i + 1)) = "$COMP_CWORD" ]; then
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			fi
			return
		done
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_mboxctl_options "$verb")" -- "$cur")
		return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	if [ "$COMP_CWORD" -gt 2 ] && [[ $cur != */* ]]; then
		case $verb in
		get)
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(
				compgen -W "$(_mboxctl_attributes '')" -- "$cur")
			;;
		set | create)
			compopt -o nospace 2>/dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(
				compgen -W "$(_mboxctl_attributes '=')" -- "$cur")
			;;
		esac
	fi
}

complete -F _mboxctl mboxctl
