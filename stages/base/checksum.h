/* XXH64 checksums: the one door to xxHash. They find damage, not forgery. */
#ifndef TIEFLOW_STAGES_BASE_CHECKSUM_H
#define TIEFLOW_STAGES_BASE_CHECKSUM_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

/* XXH64 of `count` bytes. Source: the xxHash specification, 64-bit variant. */
uint64_t checksum_of(const void *data, size_t count, uint64_t seed);

/* The same over bytes that come in pieces; new/free for the heap. */
struct checksum;
FALLIBLE checksum_new(struct checksum **checksum, struct err *err);
void checksum_free(struct checksum *checksum);
void checksum_update(struct checksum *checksum, const void *data, size_t count);
uint64_t checksum_value(const struct checksum *checksum);

enum { CHECKSUM_TEXT_BYTES = 17 };

/* Sixteen lower-case hexadecimal digits and the NUL, and back (false for any other text). */
void checksum_format(uint64_t value, char text[CHECKSUM_TEXT_BYTES]);
bool checksum_parse(const char *text, uint64_t *value);

#endif
