/* The encoder writes what the schema beside it says and nothing else, so it needs no library:
 * Avro's binary encoding of a record is the row of its fields, integers as zigzag varints, texts
 * with their length in front. Source: the Avro specification 1.11, "Binary encoding".
 *
 * Rejected: libavro's value interface, which looks up each field of each row.
 */
#include "stages/sink/avro_row.h"

#include "stages/base/json_writer.h"
#include "stages/base/number.h"
#include "stages/base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* An Avro long takes at most ten bytes; a cell one more, for the branch of a union. */
enum { LONG_BYTES = 10, CELL_BYTES = LONG_BYTES + 1 };

static const char doc_u64[] =
    "an unsigned 64-bit number in two's complement: values from 2^63 on are negative here";

/* "ties" to "Ties", "dose_response" to "DoseResponse". */
static void record_name(const char *table_name, char *name, size_t capacity) {
    size_t count = 0;
    bool is_start = true;
    for (const char *c = table_name; *c != '\0'; c++) {
        if (*c != '_') {
            assert(count + 1 < capacity);
            name[count++] = (char)(is_start ? toupper((unsigned char)*c) : *c);
        }
        is_start = *c == '_';
    }
    name[count] = '\0';
}

static void put_logical(struct json_writer *json, const char *key, const char *type,
                        const char *logical) {
    json_object_begin(json, key);
    json_put_text(json, "type", type);
    json_put_text(json, "logicalType", logical);
    json_object_end(json);
}

static void put_type(struct json_writer *json, const char *key, enum column_type type) {
    switch (type) {
    case COLUMN_U64:
    case COLUMN_U32:
        json_put_text(json, key, "long");
        return;
    case COLUMN_TIME_MS:
        put_logical(json, key, "long", "timestamp-millis");
        return;
    case COLUMN_F64:
        json_put_text(json, key, "double");
        return;
    case COLUMN_BOOL:
        json_put_text(json, key, "boolean");
        return;
    case COLUMN_TEXT:
        json_put_text(json, key, "string");
        return;
    }
    assert(false && "a column type without an Avro type");
}

static void put_stamp_fields(struct json_writer *json) {
    json_object_begin(json, NULL);
    json_put_text(json, "name", "date");
    put_logical(json, "type", "int", "date");
    json_put_text(json, "doc", "the date whose run made the row");
    json_object_end(json);
    json_object_begin(json, NULL);
    json_put_text(json, "name", "run_id");
    json_put_text(json, "type", "string");
    json_put_text(json, "doc", "fingerprint of the settings and of every event up to the date");
    json_object_end(json);
    json_object_begin(json, NULL);
    json_put_text(json, "name", "as_of");
    put_logical(json, "type", "long", "timestamp-millis");
    json_put_text(json, "doc", "the last instant that the run covers");
    json_object_end(json);
    json_object_begin(json, NULL);
    json_put_text(json, "name", "simultaneous");
    json_put_text(json, "type", "string");
    json_put_text(json, "doc", "how ties of the same millisecond see each other");
    json_object_end(json);
}

static void put_column_field(struct json_writer *json, const struct column *column) {
    json_object_begin(json, NULL);
    json_put_text(json, "name", column->name);
    if (column->nullable) {
        json_array_begin(json, "type");
        json_put_text(json, NULL, "null");
        put_type(json, NULL, column->type);
        json_array_end(json);
        json_put_null(json, "default");
    } else {
        put_type(json, "type", column->type);
    }
    if (column->type == COLUMN_U64) {
        json_put_text(json, "doc", doc_u64);
    }
    json_object_end(json);
}

struct status avro_row_schema(const struct table *table, struct bytes *out, struct err *err) {
    struct json_writer json = {0};
    char name[64];
    record_name(table->name, name, sizeof name);
    json_object_begin(&json, NULL);
    json_put_text(&json, "type", "record");
    json_put_text(&json, "name", name);
    json_put_text(&json, "namespace", "tieflow.tables");
    json_array_begin(&json, "fields");
    put_stamp_fields(&json);
    for (size_t c = 0; c < table->column_count; c++) {
        put_column_field(&json, &table->columns[c]);
    }
    json_array_end(&json);
    json_object_end(&json);
    struct status status = json_writer_finish(&json, err);
    if (!failed(status)) {
        status = bytes_append(out, json.text.data, json.text.count, err);
    }
    json_writer_release(&json);
    return status;
}

/* The caller has made room for LONG_BYTES. */
static void put_long(struct bytes *out, int64_t value) {
    uint64_t rest = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    while (rest >= 0x80) {
        out->data[out->count++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    out->data[out->count++] = (uint8_t)rest;
}

/* The caller has made room for 8 bytes. */
static void put_double(struct bytes *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u64(out->data + out->count, bits);
    out->count += sizeof bits;
}

/* The caller has made room for `bytes` more. */
static void put_clean(struct bytes *out, const char *text, size_t bytes) {
    utf8_clean((char *)out->data + out->count, text, bytes);
    out->count += bytes;
}

static struct status put_text(struct bytes *out, const char *text, struct err *err) {
    size_t bytes = strlen(text);
    TRY(bytes_reserve(out, LONG_BYTES + bytes, err));
    put_long(out, (int64_t)bytes);
    put_clean(out, text, bytes);
    return status_ok();
}

struct status avro_row_stamps(const struct avro_stamps *stamps, struct bytes *out,
                              struct err *err) {
    assert(stamps->date_ms == date_day_start(stamps->date_ms));
    TRY(bytes_reserve(out, LONG_BYTES, err));
    put_long(out, stamps->date_ms / DAY_MS);
    TRY(put_text(out, stamps->run_id, err));
    TRY(bytes_reserve(out, LONG_BYTES, err));
    put_long(out, stamps->as_of_ms);
    return put_text(out, stamps->simultaneous, err);
}

static struct status put_cell(struct bytes *out, const struct column *column,
                              const union column_values *values, size_t row, struct err *err) {
    TRY(bytes_reserve(out, CELL_BYTES, err));
    if (column->nullable) {
        bool is_null = column_is_null(column, values, row);
        put_long(out, is_null ? 0 : 1); /* which branch of the union */
        if (is_null) {
            return status_ok();
        }
    }
    switch (column->type) {
    case COLUMN_U64:
        put_long(out,
                 (int64_t)(column->nullable ? values->optional_u64[row].value : values->u64[row]));
        break;
    case COLUMN_U32:
        put_long(out, values->u32[row]);
        break;
    case COLUMN_TIME_MS:
        put_long(out, values->time_ms[row]);
        break;
    case COLUMN_F64:
        put_double(out, values->f64[row]);
        break;
    case COLUMN_BOOL:
        out->data[out->count++] = values->flag[row];
        break;
    case COLUMN_TEXT:
        return put_text(out, values->text[row], err);
    }
    return status_ok();
}

struct status avro_row_put(const struct table *table, const union column_values *columns,
                           size_t row, struct bytes *out, struct err *err) {
    for (size_t c = 0; c < table->column_count; c++) {
        TRY(put_cell(out, &table->columns[c], &columns[c], row, err));
    }
    return status_ok();
}

/* A column's value as part of a key: of a number its digits, of a text its bytes. */
static struct status put_key_part(struct bytes *out, enum column_type type,
                                  const union column_values *values, size_t row, struct err *err) {
    if (type == COLUMN_TEXT) {
        size_t bytes = strlen(values->text[row]);
        TRY(bytes_reserve(out, bytes, err));
        put_clean(out, values->text[row], bytes);
        return status_ok();
    }
    assert(type == COLUMN_U64);
    TRY(bytes_reserve(out, NUMBER_U64_BYTES, err));
    out->count += number_format_u64((char *)out->data + out->count, values->u64[row]);
    return status_ok();
}

struct status avro_row_key(const struct table *table, const union column_values *columns,
                           size_t row, struct bytes *out, struct err *err) {
    size_t first = table->key.first;
    size_t second = table->key.second;
    if (table->key.is_pair && columns[first].u64[row] > columns[second].u64[row]) {
        first = table->key.second;
        second = table->key.first;
    }
    TRY(put_key_part(out, table->columns[first].type, &columns[first], row, err));
    TRY(bytes_append(out, ":", 1, err));
    return put_key_part(out, table->columns[second].type, &columns[second], row, err);
}
