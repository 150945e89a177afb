#include "stages/base/json_writer.h"

#include "stages/base/number.h"
#include "stages/base/utf8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void json_writer_release(struct json_writer *writer) {
    bytes_release(&writer->text);
    *writer = (struct json_writer){0};
}

static void put(struct json_writer *writer, const char *text, size_t count) {
    if (!writer->is_failed && failed(bytes_append(&writer->text, text, count, NULL))) {
        writer->is_failed = true;
    }
}

static void put_line_start(struct json_writer *writer) {
    if (!writer->is_compact) {
        put(writer, "\n", 1);
        for (unsigned i = 0; i < writer->depth; i++) {
            put(writer, "  ", 2);
        }
    }
}

enum { NOT_CONTROL = 0xff };

/* The control character at the front of the text, U+0001 to U+009F; NOT_CONTROL where there is
 * none. JSON wants the first 32 escaped, a terminal that shows a log obeys others too. */
static unsigned char control_of(const char *text, size_t sequence) {
    unsigned char c = (unsigned char)text[0];
    if (sequence == 1 && (c < 0x20 || c == 0x7f)) {
        return c;
    }
    unsigned char second = sequence == 2 && c == 0xc2 ? (unsigned char)text[1] : NOT_CONTROL;
    return second < 0xa0 ? second : NOT_CONTROL;
}

static void put_quoted(struct json_writer *writer, const char *text) {
    static const char hex[] = "0123456789abcdef";
    size_t count = strlen(text);
    put(writer, "\"", 1);
    for (size_t i = 0; i < count;) {
        size_t sound = utf8_sequence(text + i, count - i);
        unsigned char c = (unsigned char)text[i];
        unsigned char control = control_of(text + i, sound);
        if (sound == 0) {
            put(writer, "?", 1);
        } else if (c == '"' || c == '\\') {
            put(writer, c == '"' ? "\\\"" : "\\\\", 2);
        } else if (control != NOT_CONTROL) {
            char escape[6] = {'\\', 'u', '0', '0', hex[control >> 4], hex[control & 15]};
            put(writer, escape, sizeof escape);
        } else {
            put(writer, text + i, sound);
        }
        i += sound == 0 ? 1 : sound;
    }
    put(writer, "\"", 1);
}

/* What stands before every value: a comma, the line, the key. */
static void value_begin(struct json_writer *writer, const char *key) {
    if (writer->depth > 0) {
        bool *has_items = &writer->has_items[writer->depth - 1];
        if (*has_items) {
            put(writer, ",", 1);
        }
        *has_items = true;
        put_line_start(writer);
    }
    if (key != NULL) {
        put_quoted(writer, key);
        put(writer, ": ", writer->is_compact ? 1 : 2);
    }
}

static void container_begin(struct json_writer *writer, const char *key, const char *bracket) {
    value_begin(writer, key);
    put(writer, bracket, 1);
    assert(writer->depth < JSON_DEPTH_MAX);
    writer->has_items[writer->depth++] = false;
}

static void container_end(struct json_writer *writer, const char *bracket) {
    assert(writer->depth > 0);
    writer->depth--;
    if (writer->has_items[writer->depth]) {
        put_line_start(writer);
    }
    put(writer, bracket, 1);
}

void json_object_begin(struct json_writer *writer, const char *key) {
    container_begin(writer, key, "{");
}

void json_object_end(struct json_writer *writer) {
    container_end(writer, "}");
}

void json_array_begin(struct json_writer *writer, const char *key) {
    container_begin(writer, key, "[");
}

void json_array_end(struct json_writer *writer) {
    container_end(writer, "]");
}

void json_put_text(struct json_writer *writer, const char *key, const char *text) {
    value_begin(writer, key);
    put_quoted(writer, text);
}

void json_put_u64(struct json_writer *writer, const char *key, uint64_t value) {
    char digits[NUMBER_U64_BYTES];
    value_begin(writer, key);
    put(writer, digits, number_format_u64(digits, value));
}

void json_put_i64(struct json_writer *writer, const char *key, int64_t value) {
    char digits[NUMBER_U64_BYTES + 1];
    value_begin(writer, key);
    put(writer, digits, number_format_i64(digits, value));
}

void json_put_double(struct json_writer *writer, const char *key, double value) {
    char digits[NUMBER_DOUBLE_BYTES];
    value_begin(writer, key);
    assert(isfinite(value));
    put(writer, digits, number_format_double(digits, value));
}

void json_put_null(struct json_writer *writer, const char *key) {
    value_begin(writer, key);
    put(writer, "null", 4);
}

struct status json_writer_finish(struct json_writer *writer, struct err *err) {
    assert(writer->depth == 0);
    put(writer, "\n", 1);
    return writer->is_failed ? err_memory(err, writer->text.count, "a document") : status_ok();
}
