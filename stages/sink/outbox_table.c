#include "stages/sink/outbox_table.h"

#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/number.h"
#include "stages/sink/avro_row.h"
#include "stages/sink/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct outbox_table {
    const struct table *table;
    struct outbox_writer *writer;
    size_t stamps_bytes;
    struct bytes value; /* the stamps, which stay, and the row behind them */
    struct bytes key;
};

static const char *note_find(const struct table_note *notes, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(notes[i].key, key) == 0) {
            return notes[i].value;
        }
    }
    assert(false && "an outbox needs all of its notes");
    return NULL;
}

static void stamps_fill(struct avro_stamps *stamps, uint64_t *run_id,
                        const struct table_note *notes, size_t count) {
    const char *as_of = note_find(notes, count, "tieflow.as_of");
    stamps->run_id = note_find(notes, count, "tieflow.run_id");
    stamps->simultaneous = note_find(notes, count, "tieflow.simultaneous");
    bool is_sound = date_parse(note_find(notes, count, "tieflow.date"), &stamps->date_ms) &&
                    checksum_parse(stamps->run_id, run_id) &&
                    number_parse_i64(as_of, strlen(as_of), &stamps->as_of_ms);
    assert(is_sound);
}

static struct status start(struct outbox_table *outbox, struct output *output,
                           const struct avro_stamps *stamps, uint64_t run_id, struct err *err) {
    struct bytes schema = {0};
    struct status status;
    TRY_OR(done, status, avro_row_stamps(stamps, &outbox->value, err));
    outbox->stamps_bytes = outbox->value.count;
    TRY_OR(done, status, avro_row_schema(outbox->table, &schema, err));
    TRY_OR(done, status, bytes_append(&schema, "", 1, err));
    struct outbox_head head = {
        .name = outbox->table->name,
        .date_ms = stamps->date_ms,
        .run_id = run_id,
        .schema = (const char *)schema.data,
    };
    status = outbox_writer_new(&outbox->writer, output, &head, err);
done:
    bytes_release(&schema);
    return status;
}

struct status outbox_table_new(struct outbox_table **outbox, struct output *output,
                               const struct table *table, const struct table_note *notes,
                               size_t note_count, struct err *err) {
    *outbox = NULL;
    struct outbox_table *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an outbox");
    }
    struct avro_stamps stamps;
    uint64_t run_id;
    stamps_fill(&stamps, &run_id, notes, note_count);
    made->table = table;
    struct status status = start(made, output, &stamps, run_id, err);
    if (failed(status)) {
        outbox_table_free(made);
        return status;
    }
    *outbox = made;
    return status;
}

void outbox_table_free(struct outbox_table *outbox) {
    if (outbox != NULL) {
        outbox_writer_free(outbox->writer);
        bytes_release(&outbox->value);
        bytes_release(&outbox->key);
        free(outbox);
    }
}

struct status outbox_table_append(struct outbox_table *outbox, const union column_values *columns,
                                  size_t rows, struct err *err) {
    for (size_t row = 0; row < rows; row++) {
        outbox->key.count = 0;
        outbox->value.count = outbox->stamps_bytes;
        TRY(avro_row_key(outbox->table, columns, row, &outbox->key, err));
        TRY(avro_row_put(outbox->table, columns, row, &outbox->value, err));
        struct outbox_record record = {
            .key = outbox->key.data,
            .key_bytes = outbox->key.count,
            .value = outbox->value.data,
            .value_bytes = outbox->value.count,
        };
        TRY(outbox_put(outbox->writer, &record, err));
    }
    return status_ok();
}

struct status outbox_table_finish(struct outbox_table *outbox, struct err *err) {
    return outbox_end(outbox->writer, err);
}
