/* Connections, and records of the other logs, in Avro object container files: all are read, and
 * connections written.
 *
 *   BYTES        DESCRIPTION (integers as in avro_datum.h)
 *   4            magic "Obj" 1
 *   ...          a map from strings to bytes: avro.schema (JSON) and avro.codec, null where missing
 *   16           the sync marker of this file
 *   then blocks, until the end of the file:
 *   1 to 10      data in the block
 *   1 to 10      bytes of the block as stored
 *   ...          the data, packed by the codec: null, deflate or zstandard
 *   16           the sync marker
 *
 * Source: Apache Avro 1.11 specification, "Object Container Files".
 */
#ifndef TIEFLOW_STAGES_DECODE_AVRO_FILE_H
#define TIEFLOW_STAGES_DECODE_AVRO_FILE_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/stream.h"
#include "stages/decode/log_reader.h"

#include <stdbool.h>
#include <stddef.h>

enum { AVRO_MAGIC_BYTES = 4 };
extern const uint8_t avro_file_magic[AVRO_MAGIC_BYTES];

struct avro_file;

/* Reads the header. Borrows the input, of which the caller has read `head` already: nothing, or up
 * to AVRO_MAGIC_BYTES bytes (copied). FAILURE_DATA names the file, and what is wrong with it or its
 * schema. */
FALLIBLE avro_file_open(struct avro_file **file, struct input *input, const void *head,
                        size_t head_count, struct err *err);
/* The same for a file of one of the other logs. */
FALLIBLE avro_file_open_facts(struct avro_file **file, enum fact_log log, struct input *input,
                              const void *head, size_t head_count, struct err *err);
/* Accepts NULL. */
void avro_file_close(struct avro_file *file);

/* As log_reader_next. malformed->line is the number of the record, from 1; its content is the datum
 * in hexadecimal, cut to AVRO_CONTENT_BYTES. FAILURE_DATA names file and byte offset of the block
 * that is damaged. */
enum { AVRO_CONTENT_BYTES = 512 };
FALLIBLE avro_file_next(struct avro_file *file, struct event *events, size_t capacity,
                        size_t *count, bool *is_malformed, struct malformed *malformed,
                        struct err *err);

/* The same of a file of avro_file_open_facts; as fact_reader_next. */
FALLIBLE avro_file_next_facts(struct avro_file *file, struct fact *facts, size_t capacity,
                              size_t *count, bool *is_malformed, struct malformed *malformed,
                              struct err *err);

/* Events per block that are written: 50 to 100 KiB before compression. */
enum { AVRO_BLOCK_EVENTS = 4096 };

/* Append the header of a file of the known schema, and one block of 1..AVRO_BLOCK_EVENTS valid
 * events. The same events make the same bytes. */
FALLIBLE avro_file_put_header(struct bytes *out, struct err *err);
FALLIBLE avro_file_put_block(const struct event *events, size_t count, struct bytes *out,
                             struct err *err);

#endif
