/* Exact numbers and UTC dates from text, and back. Nothing is rounded, wrapped or guessed. */
#ifndef TIEFLOW_STAGES_BASE_NUMBER_H
#define TIEFLOW_STAGES_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds in a day. */
#define DAY_MS INT64_C(86400000)

/* Decimal digits only (u64), with an optional '-' (i64); false for anything else, the empty text,
 * and values out of the type's range. `text` need not be NUL-terminated. */
bool number_parse_u64(const char *text, size_t bytes, uint64_t *value);
bool number_parse_i64(const char *text, size_t bytes, int64_t *value);

enum { NUMBER_U64_BYTES = 20, NUMBER_DOUBLE_BYTES = 32 };

/* Writes the decimal digits without NUL; returns how many, at most NUMBER_U64_BYTES (one more for
 * the sign of an i64). */
size_t number_format_u64(char *at, uint64_t value);
size_t number_format_i64(char *at, int64_t value);

/* The value rounded to the fewest significant digits that read back as the same double ("0" for
 * 0.0), with its NUL; returns its length, at most NUMBER_DOUBLE_BYTES - 1. */
size_t number_format_double(char at[NUMBER_DOUBLE_BYTES], double value);

/* "YYYY-MM-DD" to the first millisecond of that UTC day; false for any other shape and for days
 * that do not exist. Years 0001 to 9999. */
bool date_parse(const char *text, int64_t *day_start_ms);

enum { DATE_TEXT_BYTES = 11 };

/* The UTC date of a time within the accepted range, as "YYYY-MM-DD" with its NUL. */
void date_format(int64_t at_ms, char text[DATE_TEXT_BYTES]);

/* The first millisecond of the UTC day that holds `at_ms`. */
int64_t date_day_start(int64_t at_ms);

#endif
