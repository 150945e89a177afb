#include "stages/decode/fact_writer.h"

#include "stages/base/bytes.h"
#include "stages/base/number.h"
#include "stages/base/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Lines are handed on once there are so many bytes of them. */
enum { FLUSH_BYTES = 1 << 18 };

/* The longest field, a sign included, with its delimiter; names of choices are shorter. */
enum { FIELD_BYTES = NUMBER_U64_BYTES + 2 };

struct fact_writer {
    struct output *output;
    const struct fact_shape *shape;
    struct bytes lines;
};

static struct status lines_flush(struct fact_writer *writer, struct err *err) {
    TRY(output_write(writer->output, writer->lines.data, writer->lines.count, err));
    writer->lines.count = 0;
    return status_ok();
}

static struct status header_put(struct fact_writer *writer, struct err *err) {
    const struct fact_shape *shape = writer->shape;
    for (size_t i = 0; i < shape->field_count; i++) {
        const char *name = shape->fields[i].name;
        TRY(bytes_append(&writer->lines, name, strlen(name), err));
        TRY(bytes_append(&writer->lines, i + 1 < shape->field_count ? "," : "\n", 1, err));
    }
    return status_ok();
}

struct status fact_writer_open(struct fact_writer **writer, const char *path,
                               const struct fact_shape *shape, bool zstd, struct err *err) {
    struct fact_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a log writer");
    }
    made->shape = shape;
    struct status status = output_open(&made->output, path, zstd, err);
    if (!failed(status)) {
        status = header_put(made, err);
    }
    if (failed(status)) {
        fact_writer_discard(made);
        return status;
    }
    *writer = made;
    return status_ok();
}

/* Writes a value that is known; returns its length. */
static size_t value_format(char *at, const struct fact_field *field, uint64_t value) {
    assert(fact_value_fits(field, value));
    if (field->type == FACT_TIME) {
        return number_format_i64(at, (int64_t)value);
    }
    if (field->type != FACT_CHOICE) {
        return number_format_u64(at, value);
    }
    size_t bytes = strlen(field->choices[value]);
    assert(bytes < FIELD_BYTES);
    memcpy(at, field->choices[value], bytes);
    return bytes;
}

static struct status line_put(struct fact_writer *writer, const struct fact *fact,
                              struct err *err) {
    const struct fact_shape *shape = writer->shape;
    TRY(bytes_reserve(&writer->lines, shape->field_count * FIELD_BYTES, err));
    char *at = (char *)writer->lines.data + writer->lines.count;
    for (size_t i = 0; i < shape->field_count; i++) {
        if ((fact->known >> i & 1) != 0) {
            at += value_format(at, &shape->fields[i], fact->value[i]);
        }
        *at++ = i + 1 < shape->field_count ? ',' : '\n';
    }
    writer->lines.count = (size_t)((uint8_t *)at - writer->lines.data);
    return status_ok();
}

struct status fact_writer_put(struct fact_writer *writer, const struct fact *facts, size_t count,
                              struct err *err) {
    for (size_t i = 0; i < count; i++) {
        TRY(line_put(writer, &facts[i], err));
        if (writer->lines.count >= FLUSH_BYTES) {
            TRY(lines_flush(writer, err));
        }
    }
    return status_ok();
}

static void writer_free(struct fact_writer *writer) {
    bytes_release(&writer->lines);
    free(writer);
}

struct status fact_writer_commit(struct fact_writer *writer, uint64_t *bytes, uint64_t *checksum,
                                 struct err *err) {
    struct status status = lines_flush(writer, err);
    if (failed(status)) {
        fact_writer_discard(writer);
        return status;
    }
    status = output_commit(writer->output, bytes, checksum, err);
    writer_free(writer);
    return status;
}

void fact_writer_discard(struct fact_writer *writer) {
    if (writer == NULL) {
        return;
    }
    output_discard(writer->output);
    writer_free(writer);
}
