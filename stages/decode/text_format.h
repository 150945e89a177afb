/* What a text format is to the log reader: how one record of text becomes an event.
 *
 * The implementations are csv_format, ndjson_format, snap_format, konect_format and
 * matrix_market_format. Each call borrows the lines, from which open, and parse for a record of
 * several lines, may read on.
 */
#ifndef TIEFLOW_STAGES_DECODE_TEXT_FORMAT_H
#define TIEFLOW_STAGES_DECODE_TEXT_FORMAT_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/decode/text_lines.h"

/* What a record turned out to be. NOTHING is an empty line or a comment: not a record at all. */
enum outcome { OUTCOME_NOTHING, OUTCOME_EVENT, OUTCOME_MALFORMED };

struct text_format {
    /* Reads what stands before the first record and makes the format's own state, which `close`
     * frees. The options are borrowed for the call. */
    FALLIBLE(*open)
    (void **state, struct text_lines *lines, const struct log_reader_options *options,
     struct err *err);

    /* Fills `event` for OUTCOME_EVENT, `reason` for OUTCOME_MALFORMED. The record grows where it
     * has several lines. */
    FALLIBLE(*parse)
    (void *state, struct text_lines *lines, struct text_record *record, struct event *event,
     enum outcome *outcome, char reason[MALFORMED_REASON_BYTES], struct err *err);

    /* Checks what can be checked at the end of the file only; NULL where that is nothing. */
    FALLIBLE (*finish)(void *state, const struct text_lines *lines, struct err *err);

    void (*close)(void *state);
};

#endif
