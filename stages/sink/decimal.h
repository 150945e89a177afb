/* Doubles as text, quickly: the tables print millions of shares between 0 and 1. */
#ifndef TIEFLOW_STAGES_SINK_DECIMAL_H
#define TIEFLOW_STAGES_SINK_DECIMAL_H

#include "stages/base/number.h"

#include <stddef.h>

/* The very text of number_format_double (stages/base/number.h), into at least NUMBER_DOUBLE_BYTES
 * of the caller's; returns its length. Some 15 times faster for 0 and for [0.0001, 1), the same
 * elsewhere. */
size_t decimal_format(char *at, double value);

#endif
