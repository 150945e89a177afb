/* Log files to typed events, whatever the format: CSV, NDJSON, packed frames, Avro, and the foreign
 * edge lists that `tieflow import` understands.
 *
 * A reader hands out records in file order. A record that is not an event (malformed) is handed
 * out as such, with its place and reason, so that the caller can set it aside and count it; damage
 * to the file itself (truncation, a wrong checksum, a missing column) is an error.
 *
 * The record number of a record (from 0, good or malformed alike) is its offset in the log: what
 * the state remembers.
 */
#ifndef TIEFLOW_STAGES_DECODE_LOG_READER_H
#define TIEFLOW_STAGES_DECODE_LOG_READER_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_format {
    LOG_AUTO, /* by content: magic of frames or Avro, '{' (NDJSON), "%%MatrixMarket", else CSV */
    LOG_CSV,  /* RFC 4180; header at,from,to[,kind[,origin]], any order, other columns ignored */
    /* {"at":..,"from":..,"to":..[,"kind":..][,"origin":..]}, other keys ignored; whole numbers,
     * bare or as strings of digits (JavaScript rounds above 2^53); null is as good as left out */
    LOG_NDJSON,
    LOG_PACKED, /* frames of kind FRAME_EVENTS, stages/decode/packed.h */
    LOG_AVRO,   /* object container file of any schema that reads as connections */
    /* The foreign ones: the record's line number is its time (in ms) where they have none. */
    LOG_SNAP,   /* "u v [t]", blanks or tabs, '#' comments */
    LOG_KONECT, /* "u v [weight [t]]", '%' comments; "% .. dynamic": weight -1 ends the tie */
    LOG_MATRIX_MARKET, /* coordinate, square, any field and symmetry; values are not read */
    LOG_FORMATS,
};

/* "csv", "ndjson", "packed", "avro", "snap", "konect", "mtx", "auto"; -1 for other names. */
const char *log_format_name(enum log_format format);
int log_format_parse(const char *name);

/* How to read; zero-initialised storage means: by content, milliseconds, our own column names. */
struct log_reader_options {
    enum log_format format;
    /* CSV only: column names or 1-based numbers in place of at, from, to, kind, origin; NULL keeps
     * the own name. A number needs no header line. Borrowed until the reader is closed. */
    const char *column_names[5];
    char delimiter;      /* CSV only; 0 means comma */
    uint32_t skip_lines; /* text formats: lines to drop before anything else */
    /* Text formats: milliseconds in one unit of the time column; times that overflow are malformed.
     * 0 keeps the format's custom: 1000 (seconds) for SNAP and KONECT, else 1. */
    uint32_t time_unit_ms;
    /* Text formats, in place of time_unit_ms (one of them is 0): units in one millisecond (1000 for
     * microseconds); times are rounded down. 0 is "not used". */
    uint32_t time_units_per_ms;
    bool times_are_iso;   /* text formats: 2024-05-01T12:30:00Z in place of a number */
    bool times_are_lines; /* ignore any time column: at = the record's line number, from 1 */
    /* Text formats: bytes per read; 0 is the default. The records do not depend on it. */
    size_t chunk_bytes;
};

enum { MALFORMED_REASON_BYTES = 256 };

/* A record that is not an event; packed logs have none: there, what is wrong is damage. `content`
 * is lent until the next call on the reader, and cut to LIMIT_RECORD_BYTES; of a record of Avro it
 * is the first bytes in hexadecimal. */
struct malformed {
    uint64_t line; /* of the record's first byte, from 1; in Avro the record's number, from 1 */
    char reason[MALFORMED_REASON_BYTES];
    const char *content;
    size_t content_bytes;
};

struct log_reader;

/* Takes over `input` (closed with the reader, also when this fails) and reads what stands before
 * the first record. FAILURE_DATA names the file and what is wrong with it. */
FALLIBLE log_reader_open(struct log_reader **reader, struct input *input,
                         const struct log_reader_options *options, struct err *err);

/* Fills up to `capacity` events. Stops early at a malformed record: the events before it are
 * handed out first, then *is_malformed is set with a count of 0 and `malformed` filled. Both zero:
 * the end of the file. */
FALLIBLE log_reader_next(struct log_reader *reader, struct event *events, size_t capacity,
                         size_t *count, bool *is_malformed, struct malformed *malformed,
                         struct err *err);

/* Passes over records that an earlier run has dealt with, `records` of them at most and *passed in
 * all: whole frames of a packed log, nothing of other formats. Before the first log_reader_next. */
FALLIBLE log_reader_pass(struct log_reader *reader, uint64_t records, uint64_t *passed,
                         struct err *err);

/* The format found or given. */
enum log_format log_reader_format(const struct log_reader *reader);

/* Borrowed: for progress and messages. */
const struct input *log_reader_input(const struct log_reader *reader);

/* Accepts NULL. */
void log_reader_close(struct log_reader *reader);

#endif
