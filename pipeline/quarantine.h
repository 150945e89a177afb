/* Records that cannot be read, set aside: where they stood and why, and what was in them. One
 * quarantine holds those of all logs of a run.
 */
#ifndef TIEFLOW_PIPELINE_QUARANTINE_H
#define TIEFLOW_PIPELINE_QUARANTINE_H

#include "schemas/status.h"
#include "stages/decode/log_reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a record that are kept to be looked at. */
enum { QUARANTINE_CONTENT_BYTES = 1024 };

/* The bytes of a record of a topic, as they came. Owned. */
struct letter {
    const char *topic; /* borrowed from whoever names it: the options */
    int32_t partition;
    int64_t offset;
    int64_t
        gap_end; /* behind the last offset passed over, for a batch that cannot be read; else 0 */
    int64_t timestamp_ms;
    uint8_t *key; /* NULL: none */
    size_t key_bytes;
    uint8_t *value; /* NULL: none */
    size_t value_bytes;
};

/* A record that was set aside. Strings are owned, but for the log's name. */
struct quarantined {
    const char *log; /* "connections", or the name of another log's shape */
    char *file;      /* or "TOPIC/PARTITION" */
    uint64_t record; /* number of the record in its file, from 1; or its offset */
    char *reason;    /* "LINE: why" of a file, "why" of a topic */
    char *content;   /* what of it is text; of a binary encoding, hexadecimal digits */
    bool is_letter;
    struct letter letter; /* of a topic only */
};

/* "FILE:LINE: why" or "TOPIC/PARTITION, offset N: why", for messages. */
enum { QUARANTINED_TEXT_BYTES = 512 };
void quarantined_describe(const struct quarantined *quarantined, char text[QUARANTINED_TEXT_BYTES]);

struct quarantine {
    struct quarantined *items;
    size_t count;
    size_t capacity;
    uint64_t letter_bytes; /* in the letters of all of them */
};

/* Zero-initialised storage is empty. */
void quarantine_release(struct quarantine *quarantine);

/* Makes sure that one more may be added. FAILURE_DATA, naming that record, where there are so many
 * that nobody would look at all of them. */
FALLIBLE quarantine_hold(struct quarantine *quarantine, const char *log, const char *name,
                         uint64_t place, const char *reason, struct err *err);

/* Keeps what was made of a malformed record, after quarantine_hold: takes its strings, or, where
 * one of them is missing for want of memory, releases them all and fails. */
FALLIBLE quarantine_add(struct quarantine *quarantine, struct quarantined *made, struct err *err);

/* Releases one that was not added. */
void quarantined_release(struct quarantined *quarantined);

/* Keeps a malformed record of a file, the number of which is `record` from 0. Copies all but the
 * log's name. */
FALLIBLE quarantine_file_record(struct quarantine *quarantine, const char *log, const char *name,
                                uint64_t record, const struct malformed *malformed,
                                struct err *err);

/* Moves all that `from` holds behind what `to` holds. */
FALLIBLE quarantine_move(struct quarantine *to, struct quarantine *from, struct err *err);

/* FAILURE_DATA where more than the share of the records looked at is malformed; it shows the record
 * with index `first`, which is there where `malformed` is not 0. */
FALLIBLE quarantine_gate(const struct quarantine *quarantine, size_t first, uint64_t malformed,
                         uint64_t looked, double share_max, struct err *err);

#endif
