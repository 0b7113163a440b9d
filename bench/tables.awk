#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
# Results (first file: key, tab, number) as tables. Fills a text (second file)
# between the lines "<!-- table:NAME -->" and "<!-- end -->"; or, with
# -v plain=NAME, prints that table alone for gnuplot.
BEGIN {
	FS = "\t"
	peers = "mboxfs floor pipe packet mq sysv seqpacket datagram"
	sizes = "16 128 1024 4096 8000 65536"
	counts = "1 10 100 1000 10000 100000 1000000"
}

FNR == NR { result[$1] = $2; next }

/^<!-- table:/ {
	print
	print ""
	name = $0
	sub(/^<!-- table:/, "", name)
	sub(/ -->$/, "", name)
	table(name)
	print ""
	skipping = 1
	next
}
/^<!-- end -->/ { skipping = 0 }
!skipping { print }

END {
	if (plain != "")
		table(plain)
}

function short(number) {
	return number < 100 ? sprintf("%.3f", number) : int(number)
}

# With how far the rounds went apart, where that is known.
function cell(key) {
	if (plain == "" && (key ".low") in result)
		return sprintf("%s (%s – %s)", short(result[key]),
			       short(result[key ".low"]),
			       short(result[key ".high"]))
	if (key in result)
		return result[key] + 0
	return plain != "" ? "NaN" : "–"
}

# One table; %r and %c in @pattern are the words of @rows and @columns.
function grid(head, rows, columns, pattern,	r, c, nr, nc, row, column, key) {
	nr = split(rows, row, " ")
	nc = split(columns, column, " ")
	printf plain != "" ? "\"%s\"" : "| %s |", head
	for (c = 1; c <= nc; c++)
		printf plain != "" ? " %s" : " %s |", column[c]
	if (plain == "") {
		printf "\n|---|"
		for (c = 1; c <= nc; c++)
			printf "---:|"
	}
	printf "\n"
	for (r = 1; r <= nr; r++) {
		printf plain != "" ? "%s" : "| %s |", row[r]
		for (c = 1; c <= nc; c++) {
			key = pattern
			sub(/%r/, row[r], key)
			sub(/%c/, column[c], key)
			printf plain != "" ? " %s" : " %s |", cell(key)
		}
		printf "\n"
	}
}

function table(name) {
	if (name == "pair" || name == "burst")
		grid("bytes", sizes, peers " ioctl", name ".%r.%c")
	else if (name == "pingpong")
		grid("bytes", sizes,
		     "mboxfs pipe packet mq sysv seqpacket datagram ioctl",
		     "pingpong.%r.%c")
	else if (name == "batch")
		grid("bytes", "16 128 1024 4096 8000",
		     "mboxfs packed seqpacket datagram", "batch.%r.%c")
	else if (name == "depth")
		grid("queued", counts, "mboxfs sysv", "depth.%r.%c")
	else if (name == "delay")
		grid("pending", "1 1000 10000 100000 1000000",
		     "constant varied", "delay.%c.%r")
	else if (name == "mailboxes")
		grid("mailboxes", "1000 10000 100000 1000000",
		     "create open stat list unlink", "mailboxes.id.%r.%c")
	else if (name == "memory")
		grid("bytes", "message.mboxfs message.sysv message1000.mboxfs" \
		     " message1000.sysv mailbox.any" \
		     " mailbox.id", "beyond", "memory.%r")
	else if (name == "parallel")
		grid("", "2w2r.128 4w4r.128 8w8r.128 2w2r.4096 4w4r.4096" \
		     " 8w8r.4096",
		     "mboxfs packet mq sysv seqpacket datagram",
		     "parallel.%r.%c")
	else if (name == "heat")
		grid("processes", "2 4 6 8", "10 1000 5000 10000",
		     "heat.%r.%c")
	else if (name == "locks")
		grid("pair of 128 bytes", "locked",
		     "mboxfs mq sysv packet seqpacket", "locks.%c")
	else if (name == "switches")
		grid("readers", "64", "mboxfs mq sysv packet seqpacket",
		     "switches.%r.%c")
	else if (name == "ceiling")
		grid("throughput against none", "ratio control",
		     "measured", "ceiling.%r")
	else if (name == "targets")
		while ((getline row < targets) > 0)
			print row
	else if (name == "kernel")
		print "Measured with Linux " result["kernel"] ", QEMU " \
		      result["qemu"] "."
}
