/* Well-formed UTF-8 out of any bytes: files that are read by others must not carry broken text. */
#ifndef TIEFLOW_STAGES_BASE_UTF8_H
#define TIEFLOW_STAGES_BASE_UTF8_H

#include <stddef.h>

/* The length, 1 to 4, of the well-formed sequence at the front of `text` (`bytes` > 0 long); 0
 * where there is none. Surrogates, overlong forms and values above U+10FFFF are not well-formed.
 * Source: Unicode standard, table 3-7. */
size_t utf8_sequence(const char *text, size_t bytes);

/* Copies `bytes` bytes to `at` (caller's, as long), with '?' for each byte that belongs to no
 * well-formed sequence: the length stays the same. */
void utf8_clean(char *at, const char *text, size_t bytes);

#endif
