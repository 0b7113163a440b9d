#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only
# Compare measured instructions (second file) with expected ones (first file);
# fails if one is more than 3 % above, or missing.
BEGIN { FS = "\t" }
$1 == "kernel" { next }
FNR == NR { expected[$1] = $2; order[++count] = $1; next }
{ measured[$1] = $2 }
END {
	for (i = 1; i <= count; i++) {
		key = order[i]
		if (!(key in measured)) {
			printf "not ok - %s: not measured\n", key
			failed++
			continue
		}
		change = 100 * (measured[key] / expected[key] - 1)
		good = change <= 3
		printf "%s - %-20s %6d instructions, expected %6d (%+.1f %%)\n",
		       good ? "ok" : "not ok", key, measured[key],
		       expected[key], change
		if (good)
			passed++
		else
			failed++
	}
	if (!count)
		failed++
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}
