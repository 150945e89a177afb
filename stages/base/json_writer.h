/* JSON documents for people and programs: two spaces per level, keys in the order of the calls.
 *
 * A failed allocation is remembered and reported by json_writer_finish, so that a document can be
 * written as a plain list of calls.
 */
#ifndef TIEFLOW_STAGES_BASE_JSON_WRITER_H
#define TIEFLOW_STAGES_BASE_JSON_WRITER_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 16 };

struct json_writer {
    struct bytes text;
    bool is_compact; /* one line, no blanks: for logs */
    bool is_failed;
    unsigned depth;
    bool has_items[JSON_DEPTH_MAX];
};

/* Zero-initialised storage is an empty document. `key` is NULL inside arrays and at the root.
 * Texts that are not UTF-8 are written with '?' in place of the offending bytes. */
void json_writer_release(struct json_writer *writer);
void json_object_begin(struct json_writer *writer, const char *key);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer, const char *key);
void json_array_end(struct json_writer *writer);
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_u64(struct json_writer *writer, const char *key, uint64_t value);
void json_put_i64(struct json_writer *writer, const char *key, int64_t value);
void json_put_double(struct json_writer *writer, const char *key, double value);
void json_put_null(struct json_writer *writer, const char *key);

/* Ends the document with a line feed; its bytes are in writer->text. */
FALLIBLE json_writer_finish(struct json_writer *writer, struct err *err);

#endif
