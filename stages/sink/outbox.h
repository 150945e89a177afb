/* Outboxes: records on their way to Kafka, kept in a file until it is known that they have arrived.
 *
 * The file appears whole with what it belongs to (the tables of a date), and is removed once its
 * records have been committed to the topic; a crash in between loses nothing. It says everything
 * that the sender must know but the topic and the schema's id.
 *
 * The file is a row of FRAME_OUTBOX frames (stages/base/frame.h): a head, then records.
 *
 *   SIZE  HEAD (0 items; `first` and `last` are 0)
 *   4     bytes of the name, 1 to OUTBOX_NAME_BYTES - 1
 *   ...   name: of a table, or "dead_letters"; lower-case letters and '_'
 *   8     the date, its first instant in milliseconds since 1970 UTC
 *   8     run id
 *   4     bytes of the schema, at most LIMIT_SCHEMA_BYTES; 0 where values have none of ours
 *   ...   Avro schema of the values, JSON text
 *
 *   SIZE  RECORD (n items, n > 0; `first` and `last` are the first and last record's number, from
 * 0) 4     bytes of the key; OUTBOX_NULL: there is none
 *   ...   key
 *   4     bytes of the value; OUTBOX_NULL: there is none
 *   ...   value
 *   4     headers, at most LIMIT_OUTBOX_HEADERS; each:
 *   4       bytes of the name, its NUL included
 *   ...     name, UTF-8 or not, one NUL at its end and none before
 *   4       bytes of the value; OUTBOX_NULL: it is null
 *   ...     value
 *
 * A record is at most LIMIT_OUTBOX_RECORD_BYTES long. The same records give the same bytes.
 */
#ifndef TIEFLOW_STAGES_SINK_OUTBOX_H
#define TIEFLOW_STAGES_SINK_OUTBOX_H

#include "schemas/status.h"
#include "stages/base/stream.h"
#include "stages/kafka/kafka_producer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length that stands for null. */
#define OUTBOX_NULL UINT32_MAX

enum { OUTBOX_NAME_BYTES = 64 };

/* The name of outboxes whose records are dead letters, and the ending of every outbox's file. */
extern const char outbox_dead_letters[];
extern const char outbox_ending[];

/* Whose records they are. */
struct outbox_head {
    const char *name;
    int64_t date_ms;
    uint64_t run_id;
    const char *schema; /* JSON text; NULL: none */
};

struct outbox_record {
    const void *key; /* NULL: none */
    size_t key_bytes;
    const void *value; /* NULL: none */
    size_t value_bytes;
    const struct kafka_header *headers;
    size_t header_count;
};

/* Lifecycle: new, any number of puts, end, free; then the caller commits or discards the output. */
struct outbox_writer;

/* Writes the head. Borrows the output until the free. A head that a reader would refuse is the
 * caller's mistake. *writer is NULL on failure. */
FALLIBLE outbox_writer_new(struct outbox_writer **writer, struct output *output,
                           const struct outbox_head *head, struct err *err);
/* Accepts NULL. */
void outbox_writer_free(struct outbox_writer *writer);

/* Copies the record. FAILURE_DATA where it is longer than LIMIT_OUTBOX_RECORD_BYTES or has more
 * than LIMIT_OUTBOX_HEADERS headers; the writer is as before then. */
FALLIBLE outbox_put(struct outbox_writer *writer, const struct outbox_record *record,
                    struct err *err);

/* Writes what is left and the END frame. */
FALLIBLE outbox_end(struct outbox_writer *writer, struct err *err);

/* Lifecycle: open (reads the head), next until it says that there is no more, or count; close. */
struct outbox_reader;

/* Takes over `input`, whatever happens. FAILURE_DATA, here and below, names the file. */
FALLIBLE outbox_reader_open(struct outbox_reader **reader, struct input *input, struct err *err);
/* Accepts NULL. */
void outbox_reader_close(struct outbox_reader *reader);

/* Lent until the close. */
const struct outbox_head *outbox_reader_head(const struct outbox_reader *reader);

/* Lends the next record until the next call; *more is false behind the last. */
FALLIBLE outbox_next(struct outbox_reader *reader, struct outbox_record *record, bool *more,
                     struct err *err);

/* Reads to the end without looking into the records: checks that the file is whole and undamaged,
 * and counts them. Nothing is left for outbox_next. */
FALLIBLE outbox_count(struct outbox_reader *reader, uint64_t *records, struct err *err);

#endif
