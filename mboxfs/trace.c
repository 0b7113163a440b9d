// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints themselves, which all the others only call.
 */
#include "mbox.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
