#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
# What measure.c has printed as a table: a line for each number of writers and
# readers and each size, thousands of messages per second, and what the mailboxes
# reach against the better of mq and sysv, with quartiles. With -v markdown=1 for
# docs/performance.md; with -v json=1 all figures.
BEGIN { FS = "\t" }

{
	result[$1] = $2
	order[++keys] = $1
}

/^native\./ && split($1, part, ".") == 4 {
	line = part[2] "." part[3]
	if (!(line in seen)) {
		seen[line] = 1
		lines[++line_count] = line
	}
	if (!(part[4] in known)) {
		known[part[4]] = 1
		peer[++peer_count] = part[4]
	}
}

END {
	if (json)
		print_json()
	else
		print_table()
}

function print_json(	i) {
	printf "{"
	for (i = 1; i <= keys; i++)
		printf "%s\n\t\"%s\": %s", (i > 1 ? "," : ""), order[i],
		       result[order[i]]
	print "\n}"
}

function head(text) {
	printf markdown ? " %s |" : "%20s", text
}

# A ratio with its quartiles.
function ratio(key) {
	if (!(key in result))
		return
	head(sprintf("%.2f (%.2f%s%.2f)", result[key], result[key ".low"],
		     markdown ? "–" : "-", result[key ".high"]))
}

# Which peers have ratios of this kind, as they come.
function heads(kind, text,	p) {
	for (p = 1; p <= peer_count; p++)
		if ((kind "." lines[1] "." peer[p]) in result)
			head(peer[p] text)
}

function print_table(	l, p, part, name) {
	printf markdown ? "| | bytes |" : "%-5s %6s", "", "bytes"
	for (p = 1; p <= peer_count; p++)
		printf markdown ? " %s |" : " %10s", peer[p]
	heads("ratio", "/mq, sysv")
	heads("change", "/first")
	if (markdown) {
		printf "\n|---|"
		for (p = 0; p <= peer_count; p++)
			printf "---:|"
		for (p = 1; p <= peer_count; p++)
			printf "%s%s", has("ratio", p), has("change", p)
	}
	for (l = 1; l <= line_count; l++) {
		split(lines[l], part, ".")
		printf markdown ? "\n| %s | %s |" : "\n%-5s %6s", part[1],
		       part[2]
		for (p = 1; p <= peer_count; p++) {
			name = "native." lines[l] "." peer[p]
			printf markdown ? " %s |" : " %10s",
			       name in result ?
			       sprintf("%.0f", result[name] / 1000) : "-"
		}
		for (p = 1; p <= peer_count; p++)
			ratio("ratio." lines[l] "." peer[p])
		for (p = 1; p <= peer_count; p++)
			ratio("change." lines[l] "." peer[p])
	}
	print ""
}

function has(kind, p) {
	return (kind "." lines[1] "." peer[p]) in result ? "---:|" : ""
}
