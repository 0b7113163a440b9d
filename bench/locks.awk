#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
# Locked instructions per pair, and where, from the kernel's symbols (first
# file, sorted: address, type, name) and QEMU's log of translated and of
# executed blocks (second file). -v marker: the address executed once per pair.
#
# Addresses are compared as text: 16 digits of lower case.
BEGIN { sub(/^0x/, "", marker); marker = sprintf("%16s", marker) }
BEGIN { gsub(/ /, "0", marker) }

FNR == NR { address[++symbols] = $1; symbol[symbols] = $3; next }

/^IN:/ { block = ""; next }

# Another translation of a block may be cut short: the longest one counts.
/^0x[0-9a-f]+: / {
	pc = substr($1, 3, 16)
	if (block == "") {
		block = pc
		length_of[block] += 0
		count = 0
		found = ""
	}
	if (/ lock[a-z]* / || (/ xchg[a-z]* / && /\(/))
		found = found " " pc
	if (++count > length_of[block]) {
		length_of[block] = count
		locks[block] = found
	}
	next
}

/^Trace / {
	pc = $4
	sub(/^[^\/]*\//, "", pc)
	pc = substr(pc, 1, 16)
	if (pc == marker)
		pairs++
	if (pairs)
		count_block(pc)
}

# What follows the last marker belongs to no whole pair.
function count_block(pc,	i, n, at) {
	if (pc == marker) {
		for (at in pending)
			total[at] += pending[at]
		split("", pending)
	}
	n = split(locks[pc], place, " ")
	for (i = 1; i <= n; i++)
		pending[place[i]]++
}

function name_of(pc,	low, high, middle) {
	low = 1
	high = symbols + 1
	while (high - low > 1) {
		middle = int((low + high) / 2)
		if (address[middle] "" <= pc "")
			low = middle
		else
			high = middle
	}
	return symbol[low]
}

END {
	pairs--
	if (pairs < 1) {
		print "no whole pair in the trace"
		exit 1
	}
	for (at in total) {
		sum += total[at]
		by[name_of(at)] += total[at]
	}
	printf "%.1f locked instructions per pair (%d pairs seen)\n",
	       sum / pairs, pairs
	for (name in by)
		printf "%8.1f  %s\n", by[name] / pairs, name | "sort -k1,1nr"
}
