/* The bytes as an outbox; and as frames with right checksums (tests/framing.h). Whatever is lent
 * can be read, and counting finds as many records as reading. */
#include "stages/sink/outbox.h"
#include "tests/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

/* NULL where the bytes are no outbox. */
static struct outbox_reader *reader_open(const uint8_t *data, size_t size) {
    struct input *input;
    struct outbox_reader *reader;
    require(!failed(input_open_memory(&input, "fuzz", data, size, NULL)));
    return failed(outbox_reader_open(&reader, input, NULL)) ? NULL : reader;
}

/* Touches every byte that is lent, for the sanitizer to see. */
static void touch(const void *data, size_t count) {
    const uint8_t *bytes = data;
    require(bytes != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        volatile uint8_t seen = bytes[i];
        (void)seen;
    }
}

static void record_check(const struct outbox_record *record) {
    touch(record->key, record->key_bytes);
    touch(record->value, record->value_bytes);
    require(record->header_count <= LIMIT_OUTBOX_HEADERS);
    for (size_t i = 0; i < record->header_count; i++) {
        touch(record->headers[i].name, strlen(record->headers[i].name));
        touch(record->headers[i].value, record->headers[i].value_bytes);
    }
}

static void outbox_read(const uint8_t *data, size_t size) {
    struct outbox_reader *reader = reader_open(data, size);
    if (reader == NULL) {
        return;
    }
    const struct outbox_head *head = outbox_reader_head(reader);
    require(strlen(head->name) > 0 && strchr(head->name, '/') == NULL);
    require(head->schema == NULL || strlen(head->schema) <= LIMIT_SCHEMA_BYTES);
    uint64_t records = 0;
    bool more;
    bool is_whole = true;
    do {
        struct outbox_record record;
        is_whole = !failed(outbox_next(reader, &record, &more, NULL));
        if (is_whole && more) {
            record_check(&record);
            records++;
        }
    } while (is_whole && more);
    outbox_reader_close(reader);
    if (is_whole) {
        uint64_t counted = 0;
        reader = reader_open(data, size);
        require(reader != NULL && !failed(outbox_count(reader, &counted, NULL)));
        require(counted == records);
        outbox_reader_close(reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    outbox_read(data, size);
    struct framing framing = {0};
    framing_from_fuzz(&framing, data, size);
    outbox_read(framing.file.data, framing.file.count);
    framing_release(&framing);
    return 0;
}
