/* The bytes as texts from outside, each up to a NUL, in what is written for others to read: JSON,
 * CSV, HTML, dead letters. Whoever reads those gets the texts back, made well-formed, and nothing
 * else: no text can end its place and begin another. */
#include "pipeline/dead_letters.h"
#include "stages/base/files.h"
#include "stages/base/json.h"
#include "stages/base/json_writer.h"
#include "stages/base/utf8.h"
#include "stages/decode/csv_record.h"
#include "stages/report/html.h"
#include "stages/sink/csv_table.h"
#include "tests/fuzz/scratch_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS = 4 };

/* The texts as they came, and as they are to leave. */
struct texts {
    char *raw[TEXTS];
    char *clean[TEXTS];
};

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

static void texts_take(struct texts *texts, const uint8_t *data, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t bytes = strnlen((const char *)data + at, size - at);
        texts->raw[i] = strndup((const char *)data + at, bytes);
        texts->clean[i] = calloc(bytes + 1, 1);
        require(texts->raw[i] != NULL && texts->clean[i] != NULL);
        utf8_clean(texts->clean[i], texts->raw[i], bytes);
        at += bytes + (at + bytes < size);
    }
}

static void texts_release(struct texts *texts) {
    for (size_t i = 0; i < TEXTS; i++) {
        free(texts->raw[i]);
        free(texts->clean[i]);
    }
}

static void json_check(const struct texts *texts, bool is_compact) {
    struct json_writer writer = {.is_compact = is_compact};
    struct json *root;
    json_object_begin(&writer, NULL);
    json_put_text(&writer, "a", texts->raw[0]);
    json_array_begin(&writer, "b");
    json_put_text(&writer, NULL, texts->raw[1]);
    json_array_end(&writer);
    json_object_end(&writer);
    require(!failed(json_writer_finish(&writer, NULL)));
    const char *line_end = memchr(writer.text.data, '\n', writer.text.count);
    require(!is_compact || line_end == (const char *)writer.text.data + writer.text.count - 1);
    require(!failed(json_parse(&root, (const char *)writer.text.data, writer.text.count, NULL)));
    const struct json *list = json_get(root, "b");
    require(json_count(root) == 2 && json_count(list) == 1);
    require(strcmp(json_text(json_get(root, "a")), texts->clean[0]) == 0);
    require(strcmp(json_text(json_next(list, NULL)), texts->clean[1]) == 0);
    json_free(root);
    json_writer_release(&writer);
}

/* The character that the escape at `at` stands for; *bytes of it are passed. */
static char unescaped(const char *at, size_t *bytes) {
    static const struct {
        const char *escape;
        char character;
    } escapes[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        *bytes = strlen(escapes[i].escape);
        if (strncmp(at, escapes[i].escape, *bytes) == 0) {
            return escapes[i].character;
        }
    }
    abort();
}

static void html_check(const struct texts *texts) {
    struct html html = {0};
    html_text(&html, texts->raw[0]);
    require(!failed(html_finish(&html, NULL)) && !failed(bytes_append(&html.text, "", 1, NULL)));
    const char *at = (const char *)html.text.data;
    for (const char *expected = texts->clean[0]; *expected != '\0'; expected++) {
        require(*at != '\0' && strchr("<>\"'", *at) == NULL);
        size_t bytes = 1;
        char character = *at == '&' ? unescaped(at, &bytes) : *at;
        bool is_control = (unsigned char)*expected < ' ' || *expected == 0x7f;
        require(character == (is_control ? '?' : *expected));
        at += bytes;
    }
    require(*at == '\0');
    html_release(&html);
}

/* Reads one record of CSV and compares its texts; `expected` NULL is a field that is passed over.
 */
static void record_check(struct text_lines *lines, const char *const *expected, size_t fields) {
    struct text_record record;
    char reason[MALFORMED_REASON_BYTES];
    bool is_there;
    struct bytes scratch = {0};
    require(!failed(text_lines_next(lines, &record, &is_there, NULL)) && is_there);
    require(!failed(csv_record_complete(',', lines, &record, &is_there, reason, NULL)) && is_there);
    require(!failed(bytes_reserve(&scratch, record.bytes + 1, NULL)));
    const char *at = record.text;
    for (size_t i = 0; i < fields; i++) {
        struct csv_field field;
        bool more = csv_field_next(&at, record.text + record.bytes, ',', &scratch, &field);
        require(more == (i + 1 < fields));
        require(expected[i] == NULL || (field.bytes == strlen(expected[i]) &&
                                        memcmp(field.text, expected[i], field.bytes) == 0));
    }
    bytes_release(&scratch);
}

static void csv_read(const struct bytes *file, const struct texts *texts) {
    const char *const header[] = {"log", "file", "record", "reason", "content"};
    const char *const row[] = {texts->clean[0], texts->clean[1], "7", texts->clean[2],
                               texts->clean[3]};
    struct input *input;
    struct text_lines lines = {0};
    struct text_record record;
    bool more;
    require(!failed(input_open_memory(&input, "fuzz", file->data, file->count, NULL)));
    require(!failed(text_lines_init(&lines, input, NULL, 0, 0, NULL)));
    record_check(&lines, header, sizeof header / sizeof header[0]);
    record_check(&lines, row, sizeof row / sizeof row[0]);
    record_check(&lines, row, sizeof row / sizeof row[0]);
    require(!failed(text_lines_next(&lines, &record, &more, NULL)) && !more);
    text_lines_release(&lines);
    input_close(input);
}

/* Two equal rows of a table, by way of the one file of this process. */
static void csv_check(const struct texts *texts) {
    char path[SCRATCH_FILE_BYTES];
    const char *const columns_text[TEXTS][2] = {{texts->raw[0], texts->raw[0]},
                                                {texts->raw[1], texts->raw[1]},
                                                {texts->raw[2], texts->raw[2]},
                                                {texts->raw[3], texts->raw[3]}};
    static const uint64_t numbers[] = {7, 7};
    const union column_values columns[] = {{.text = columns_text[0]},
                                           {.text = columns_text[1]},
                                           {.u64 = numbers},
                                           {.text = columns_text[2]},
                                           {.text = columns_text[3]}};
    struct output *output;
    struct csv_table *csv;
    struct bytes file = {0};
    scratch_file("table.csv", path);
    require(!failed(output_open(&output, path, false, NULL)));
    require(!failed(csv_table_new(&csv, output, &table_quarantine, NULL)));
    require(!failed(csv_table_append(csv, columns, 2, NULL)));
    require(!failed(csv_table_finish(csv, NULL)));
    csv_table_free(csv);
    require(!failed(output_commit_unsynced(output, NULL, NULL, NULL)));
    require(!failed(file_read_all(path, &file, NULL)) && unlink(path) == 0);
    csv_read(&file, texts);
    bytes_release(&file);
}

/* The digit's six bits. */
static uint32_t base64_digit(char digit) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (uint32_t i = 0; i < sizeof digits - 1; i++) {
        if (digits[i] == digit) {
            return i;
        }
    }
    abort();
}

static void base64_check(const char *text, const char *expected) {
    size_t bytes = strlen(expected);
    require(strlen(text) == (bytes + 2) / 3 * 4);
    for (size_t i = 0; i < bytes; i++) {
        const char *at = text + i / 3 * 4 + i % 3;
        uint32_t bits = base64_digit(at[0]) << 6 | base64_digit(at[1]);
        require((uint8_t)(bits >> (4 - 2 * (i % 3))) == (uint8_t)expected[i]);
    }
}

static void letter_check(const struct texts *texts) {
    char path[SCRATCH_FILE_BYTES];
    const struct quarantined item = {
        .log = "connections",
        .reason = texts->raw[1],
        .is_letter = true,
        .letter = {.topic = texts->raw[0],
                   .key = (uint8_t *)texts->raw[2],
                   .key_bytes = strlen(texts->raw[2]),
                   .value = (uint8_t *)texts->raw[3],
                   .value_bytes = strlen(texts->raw[3])},
    };
    const struct dead_letters letters = {.items = &item, .count = 1};
    struct table_file file;
    struct bytes text = {0};
    struct json *root;
    require(!failed(dead_letters_write(&letters, scratch_folder(), &file, NULL)) && file.rows == 1);
    scratch_file(dead_letters_file, path);
    require(!failed(file_read_all(path, &text, NULL)) && unlink(path) == 0);
    require(memchr(text.data, '\n', text.count) == text.data + text.count - 1);
    require(!failed(json_parse(&root, (const char *)text.data, text.count, NULL)));
    const struct json *headers = json_get(root, "headers");
    require(strcmp(json_text(json_get(root, "topic")), texts->clean[0]) == 0);
    require(strcmp(json_text(json_get(headers, "__connect.errors.exception.message")),
                   texts->clean[1]) == 0);
    base64_check(json_text(json_get(root, "key")), texts->raw[2]);
    base64_check(json_text(json_get(root, "value")), texts->raw[3]);
    json_free(root);
    bytes_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct texts texts;
    texts_take(&texts, data, size);
    json_check(&texts, false);
    json_check(&texts, true);
    html_check(&texts);
    csv_check(&texts);
    letter_check(&texts);
    texts_release(&texts);
    return 0;
}
