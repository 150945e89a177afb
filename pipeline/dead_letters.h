/* Dead letters: the records of a topic that could not be read, with their original bytes and the
 * headers of Kafka Connect's dead letter queues, so that tools made for those understand them.
 *
 * They go to a topic (through an outbox, like tables) or, where none is named, to a file beside the
 * tables, dead_letters.ndjson, one JSON object a line:
 *
 *   {"topic":..,"partition":..,"offset":..,"timestamp":..,"key":"BASE64" or null,
 *    "value":"BASE64" or null,"headers":{"__connect.errors.topic":..,..}}
 *
 * Offsets that were passed over (a batch that cannot be read) are one letter without key and value,
 * whose reason tells the first and the last of them.
 */
#ifndef TIEFLOW_PIPELINE_DEAD_LETTERS_H
#define TIEFLOW_PIPELINE_DEAD_LETTERS_H

#include "pipeline/ingest.h"
#include "schemas/status.h"
#include "stages/sink/table_writer.h"

#include <stddef.h>
#include <stdint.h>

extern const char dead_letters_file[];

/* The letters of a run, and what stamps them. Items that are from files are passed over. */
struct dead_letters {
    const struct quarantined *items;
    size_t count;
    int64_t date_ms; /* of the outbox: first instant of the date that takes them */
    uint64_t run_id;
};

/* Writes FOLDER/dead_letters.ndjson; `file` says what was written. */
FALLIBLE dead_letters_write(const struct dead_letters *letters, const char *folder,
                            struct table_file *file, struct err *err);

/* Writes FOLDER/dead_letters.outbox. */
FALLIBLE dead_letters_post(const struct dead_letters *letters, const char *folder, struct err *err);

#endif
