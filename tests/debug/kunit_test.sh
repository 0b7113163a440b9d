#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What KUnit said of the engine when the module was loaded.
results=/sys/kernel/debug/kunit/mboxfs/results
sed -n 's/^    \(ok\|not ok\) \([0-9]*\)/\1 \2 -/p; s/^    \(1\.\.\)/\1/p' $results
! grep -q 'not ok' $results
