/* Header names and their meaning: Kafka Connect's DeadLetterQueueReporter (KIP-298). A stage, a
 * class and an exception it has of its own; ours say what comes nearest. */
#include "pipeline/dead_letters.h"

#include "stages/base/bytes.h"
#include "stages/base/files.h"
#include "stages/base/json_writer.h"
#include "stages/base/number.h"
#include "stages/sink/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char dead_letters_file[] = "dead_letters.ndjson";

enum { HEADERS = 9 };

/* The headers of one letter, and the numbers among them as texts. */
struct letter_headers {
    char partition[NUMBER_U64_BYTES + 1];
    char offset[NUMBER_U64_BYTES + 1];
    struct kafka_header items[HEADERS];
};

static void headers_fill(struct letter_headers *headers, const struct quarantined *item) {
    const struct letter *letter = &item->letter;
    (void)snprintf(headers->partition, sizeof headers->partition, "%" PRId32, letter->partition);
    (void)snprintf(headers->offset, sizeof headers->offset, "%" PRId64, letter->offset);
    const char *const texts[HEADERS][2] = {
        {"__connect.errors.topic", letter->topic},
        {"__connect.errors.partition", headers->partition},
        {"__connect.errors.offset", headers->offset},
        {"__connect.errors.connector.name", "tieflow"},
        {"__connect.errors.task.id", "0"},
        {"__connect.errors.stage", letter->gap_end != 0 ? "TASK_POLL" : "VALUE_CONVERTER"},
        {"__connect.errors.class.name", letter->gap_end != 0 ? "kafka_consumer" : "record_decoder"},
        {"__connect.errors.exception.class.name", letter->gap_end != 0 ? "corrupt" : "malformed"},
        {"__connect.errors.exception.message", item->reason},
    };
    for (int i = 0; i < HEADERS; i++) {
        headers->items[i] = (struct kafka_header){texts[i][0], texts[i][1], strlen(texts[i][1])};
    }
}

/* Puts bytes as base64 (RFC 4648, section 4), or null. */
static struct status put_base64(struct json_writer *writer, const char *key, const uint8_t *data,
                                size_t count, struct err *err) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (data == NULL) {
        json_put_null(writer, key);
        return status_ok();
    }
    size_t length = (count + 2) / 3 * 4;
    char *text = malloc(length + 1);
    if (text == NULL) {
        return err_memory(err, length, "a dead letter");
    }
    char *at = text;
    for (size_t i = 0; i < count; i += 3) {
        size_t here = count - i < 3 ? count - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16 | (here > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (here > 2 ? data[i + 2] : 0);
        for (size_t digit = 0; digit < 4; digit++) {
            *at++ = digit <= here ? digits[bits >> (18 - 6 * digit) & 63] : '=';
        }
    }
    *at = '\0';
    json_put_text(writer, key, text);
    free(text);
    return status_ok();
}

static struct status line_put(struct json_writer *writer, const struct quarantined *item,
                              struct err *err) {
    const struct letter *letter = &item->letter;
    struct letter_headers headers = {.partition = ""};
    headers_fill(&headers, item);
    json_object_begin(writer, NULL);
    json_put_text(writer, "topic", letter->topic);
    json_put_i64(writer, "partition", letter->partition);
    json_put_i64(writer, "offset", letter->offset);
    json_put_i64(writer, "timestamp", letter->timestamp_ms);
    TRY(put_base64(writer, "key", letter->key, letter->key_bytes, err));
    TRY(put_base64(writer, "value", letter->value, letter->value_bytes, err));
    json_object_begin(writer, "headers");
    for (int i = 0; i < HEADERS; i++) {
        json_put_text(writer, headers.items[i].name, headers.items[i].value);
    }
    json_object_end(writer);
    json_object_end(writer);
    return json_writer_finish(writer, err);
}

static struct status lines_write(const struct dead_letters *letters, struct output *output,
                                 struct err *err) {
    for (size_t i = 0; i < letters->count; i++) {
        if (!letters->items[i].is_letter) {
            continue;
        }
        struct json_writer writer = {.is_compact = true};
        struct status status = line_put(&writer, &letters->items[i], err);
        if (!failed(status)) {
            status = output_write(output, writer.text.data, writer.text.count, err);
        }
        json_writer_release(&writer);
        TRY(status);
    }
    return status_ok();
}

struct status dead_letters_write(const struct dead_letters *letters, const char *folder,
                                 struct table_file *file, struct err *err) {
    struct output *output;
    *file = (struct table_file){0};
    for (size_t i = 0; i < letters->count; i++) {
        file->rows += letters->items[i].is_letter;
    }
    TRY(folder_output(&output, folder, dead_letters_file, err));
    struct status status = lines_write(letters, output, err);
    if (failed(status)) {
        output_discard(output);
        return status;
    }
    return output_commit(output, &file->bytes, &file->checksum, err);
}

static struct status letters_put(const struct dead_letters *letters, struct outbox_writer *writer,
                                 struct err *err) {
    for (size_t i = 0; i < letters->count; i++) {
        if (!letters->items[i].is_letter) {
            continue;
        }
        const struct letter *letter = &letters->items[i].letter;
        struct letter_headers headers = {.partition = ""};
        headers_fill(&headers, &letters->items[i]);
        struct outbox_record record = {
            .key = letter->key,
            .key_bytes = letter->key_bytes,
            .value = letter->value,
            .value_bytes = letter->value_bytes,
            .headers = headers.items,
            .header_count = HEADERS,
        };
        TRY(outbox_put(writer, &record, err));
    }
    return outbox_end(writer, err);
}

struct status dead_letters_post(const struct dead_letters *letters, const char *folder,
                                struct err *err) {
    const struct outbox_head head = {
        .name = outbox_dead_letters,
        .date_ms = letters->date_ms,
        .run_id = letters->run_id,
    };
    char name[64];
    struct output *output;
    struct outbox_writer *writer;
    (void)snprintf(name, sizeof name, "%s%s", outbox_dead_letters, outbox_ending);
    TRY(folder_output(&output, folder, name, err));
    struct status status = outbox_writer_new(&writer, output, &head, err);
    if (!failed(status)) {
        status = letters_put(letters, writer, err);
        outbox_writer_free(writer);
    }
    if (failed(status)) {
        output_discard(output);
        return status;
    }
    return output_commit(output, NULL, NULL, err);
}
