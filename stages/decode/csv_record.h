/* One record of CSV (RFC 4180) and its fields, whatever the columns mean: quotes, and records of
 * several lines.
 *
 * Where a quote is never closed, or is followed by something other than a delimiter, only the
 * record's first line is malformed and the next record starts at the next line. Rejected: to skip
 * to the next quote, which loses every good record up to there.
 */
#ifndef TIEFLOW_STAGES_DECODE_CSV_RECORD_H
#define TIEFLOW_STAGES_DECODE_CSV_RECORD_H

#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/decode/log_reader.h"
#include "stages/decode/text_lines.h"

#include <stdbool.h>
#include <stddef.h>

struct csv_field {
    const char *text;
    size_t bytes;
};

/* Joins lines until the record's quotes are closed. *whole is false, with `reason`, where they
 * never are (the record is then its first line) and where the record is not sound. */
FALLIBLE csv_record_complete(char delimiter, struct text_lines *lines, struct text_record *record,
                             bool *whole, char reason[MALFORMED_REASON_BYTES], struct err *err);

/* Takes the next field of a whole record from [*at, end); *at moves past its delimiter. False when
 * it was the last. Quoted text is unquoted into `scratch`, which has room for the record. */
bool csv_field_next(const char **at, const char *end, char delimiter, struct bytes *scratch,
                    struct csv_field *field);

/* The first record, which is the header; *more is false for a file without one. FAILURE_DATA, with
 * file and line, where it is not whole. */
FALLIBLE csv_header_next(char delimiter, struct text_lines *lines, struct text_record *record,
                         bool *more, struct err *err);

#endif
