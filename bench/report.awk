#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
# Hold results (key, tab, number) against what mboxfs wants to reach: a line per
# target. With -v markdown=1 as a table.
BEGIN {
	FS = "\t"
	if (markdown) {
		print "| | target | measured | |"
		print "|---|---|---|---|"
	}
}

{ result[$1] = $2 }

# The least (sign 1) or most (sign -1) of the peers named; sets best_name.
function best_of(prefix, names, sign,	i, n, name, key, best) {
	n = split(names, name, " ")
	best_name = ""
	for (i = 1; i <= n; i++) {
		key = prefix "." name[i]
		if (!(key in result))
			continue
		if (best_name == "" || sign * result[key] < sign * best) {
			best = result[key]
			best_name = name[i]
		}
	}
	return best
}

function line(what, sense, target, value, verdict) {
	if (markdown)
		printf "| %s | %s %g | %.4g | %s |\n", what,
		       sense == "<=" ? "≤" : "≥", target, value, verdict
	else
		printf "%-46s %7.4g %s %-5g %s\n", what, value, sense, target,
		       verdict
}

# Was @value, made of measured numbers, reached? sense: <= or >=
function target(what, value, sense, wanted,	off) {
	off = sense == "<=" ? value / wanted - 1 : 1 - value / wanted
	if (off > 0)
		missed++
	else
		met++
	line(what, sense, wanted, value,
	     off > 0 ? sprintf("missed by %.1f %%", 100 * off) : "met")
}

function ratio(what, value, base, sense, wanted) {
	if (value != "" && base > 0)
		target(what, value / base, sense, wanted)
}

# Times on a busy machine scatter. @low and @high are the quartiles: a target
# between them is not decided, nor one whose control is @biased.
function scattered(what, value, low, high, wanted, biased,	why) {
	if (value == "")
		return
	if (biased || (low < wanted && wanted < high)) {
		undecided++
		why = biased ? "the control is off" : \
			sprintf("%.2f to %.2f", low, high)
		line(what, ">=", wanted, value, "undecided: " why)
	} else {
		target(what, value, ">=", wanted)
	}
}

function number(what, key, sense, wanted) {
	if (key in result)
		target(what, result[key], sense, wanted)
}

function wanted_of(size, work) {
	if (size <= 1024)
		return 0.82
	if (size == 4096)
		return 0.92
	if (size == 8000)
		return 0.70
	return work == "pair" ? 0.72 : 0.95
}

function against_peers(	s, w, size, work, ns, nw, prefix, ours, best) {
	ns = split("16 128 1024 4096 8000 65536", size, " ")
	nw = split("pair burst", work, " ")
	for (w = 1; w <= nw; w++) {
		for (s = 1; s <= ns; s++) {
			prefix = work[w] "." size[s]
			ours = result[prefix ".mboxfs"]
			if (ours != "" && size[s] <= 8000)
				target("own cost, " work[w] ", " size[s] \
				       " bytes", ours - result[prefix ".floor"],
				       "<=", size[s] <= 1024 ? 40 : 250)
		}
		for (s = 1; s <= ns; s++) {
			prefix = work[w] "." size[s]
			ours = result[prefix ".mboxfs"]
			best = best_of(prefix, "mq sysv packet seqpacket", 1)
			ratio(work[w] ", " size[s] " bytes / " best_name,
			      ours, best, "<=", wanted_of(size[s], work[w]))
			ratio(work[w] ", " size[s] " bytes / byte pipe", ours,
			      result[prefix ".pipe"], "<=",
			      prefix == "pair.4096" ? 0.92 : 0.90)
		}
	}
}

function throughput(	e, s, each, size, prefix, best, ours, other) {
	split("2 4 8", each, " ")
	split("128 4096", size, " ")
	for (e = 1; e <= 3; e++)
		for (s = 1; s <= 2; s++) {
			prefix = "parallel." each[e] "w" each[e] "r." size[s]
			best = best_of(prefix, "mq sysv packet seqpacket", -1)
			if (best == 0)
				continue
			ours = prefix ".mboxfs"
			other = prefix "." best_name
			scattered(each[e] "w" each[e] "r, " size[s] \
				  " bytes / " best_name, result[ours] / best,
				  result[ours ".low"] / result[other ".high"],
				  result[ours ".high"] / result[other ".low"],
				  1.2, 0)
		}
}

END {
	against_peers()
	number("batch of 32, each message, 128 bytes", "batch.128.mboxfs",
	       "<=", 600)
	number("the same, packed", "batch.128.packed", "<=", 300)
	ratio("pair by ioctl, 128 bytes / mq", result["pair.128.ioctl"],
	      result["pair.128.mq"], "<=", 0.95)
	best = best_of("pingpong.128", "mq sysv packet seqpacket pipe", 1)
	ratio("pingpong, 128 bytes / " best_name,
	      result["pingpong.128.mboxfs"], best, "<=", 0.98)
	ratio("pair at depth 1000000 / 1", result["depth.1000000.mboxfs"],
	      result["depth.1.mboxfs"], "<=", 1.03)
	ratio("one more of 1000000 delayed / first",
	      result["delay.constant.1000000"], result["delay.constant.1"],
	      "<=", 1.1)
	ratio("the same, varied delays", result["delay.varied.1000000"],
	      result["delay.varied.1"], "<=", 2)
	ratio("16 priorities / 1", result["priority.16"],
	      result["priority.1"], "<=", 1.05)
	number("bytes beside a message of 16", "memory.message.mboxfs", "<=",
	       112)
	number("bytes beside a message of 1000", "memory.message1000.mboxfs",
	       "<=", 540)
	number("bytes of an empty mailbox", "memory.mailbox.any", "<=", 1536)
	number("the same, naming=id, of 1000000", "memory.mailbox.id", "<=",
	       1536)
	throughput()
	best = best_of("locks", "mq sysv", 1)
	ratio("locked instructions / " best_name, result["locks.mboxfs"],
	      best, "<=", 1)
	number("switches per message, 64 readers", "switches.64.mboxfs", "<=",
	       1.1)
	control = result["ceiling.control"]
	scattered("64 mailboxes with a ceiling / without",
		  result["ceiling.ratio"], result["ceiling.ratio.low"],
		  result["ceiling.ratio.high"], 0.95,
		  control < 0.95 || control > 1.05)
	if (!markdown)
		printf "%d targets met, %d missed, %d undecided\n", met,
		       missed, undecided
}
