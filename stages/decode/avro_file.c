/* A block is read whole, unpacked whole and then decoded datum by datum: what limits a block limits
 * the memory. A datum that is no event costs one record as long as its end is known; where it is
 * not, the rest of the block cannot be read, and that is damage.
 *
 * We write deflate, which every reader of Avro has (zstandard is optional), at the fastest level,
 * since ids are nearly random. The sync marker is meant to be random; ours is a hash of the schema,
 * so that the same events make the same file.
 *
 * Rejected: libavro's own reader of these files. It takes a FILE, believes the sizes of blocks, and
 * cannot say where a file is damaged.
 */
#include "stages/decode/avro_file.h"

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/cursor.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/avro_schema.h"
#include "stages/decode/fields.h"
#include "stages/decode/record_encoder.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const uint8_t avro_file_magic[AVRO_MAGIC_BYTES] = {'O', 'b', 'j', 1};

enum { SYNC_BYTES = 16, BUFFER_BYTES = 1 << 16, LONG_BYTES_MAX = 10 };

enum codec { CODEC_NULL, CODEC_DEFLATE, CODEC_ZSTANDARD, CODECS };
static const char *const codec_names[CODECS] = {"null", "deflate", "zstandard"};

struct avro_file {
    struct input *input;
    bool is_of_facts;
    enum fact_log log; /* where it is */
    uint8_t buffer[BUFFER_BYTES];
    size_t buffer_at;
    size_t buffer_count;
    uint64_t offset; /* in the input, of the next byte to be taken */
    struct writer_schema *schema;
    enum codec codec;
    uint8_t sync[SYNC_BYTES];
    struct bytes stored;
    struct bytes unpacked;
    struct cursor data;    /* of the block at hand */
    uint64_t data_left;    /* data to be taken from it */
    uint64_t block_offset; /* of the block at hand */
    uint64_t records;      /* taken so far */
    struct malformed malformed;
    bool is_malformed_next;
    char content[AVRO_CONTENT_BYTES];
};

/* ---- bytes of the input ---- */

/* Copies `count` bytes; *is_end where there are fewer. */
static struct status take(struct avro_file *file, void *data, size_t count, bool *is_end,
                          struct err *err) {
    uint8_t *at = data;
    *is_end = false;
    while (count > 0) {
        if (file->buffer_at == file->buffer_count) {
            file->buffer_at = 0;
            TRY(input_read(file->input, file->buffer, BUFFER_BYTES, &file->buffer_count, err));
            if (file->buffer_count == 0) {
                *is_end = true;
                return status_ok();
            }
        }
        size_t left = file->buffer_count - file->buffer_at;
        size_t step = left < count ? left : count;
        memcpy(at, file->buffer + file->buffer_at, step);
        file->buffer_at += step;
        file->offset += step;
        at += step;
        count -= step;
    }
    return status_ok();
}

static struct status truncated(struct err *err) {
    return err_set(err, FAILURE_DATA,
                   "the file ends inside it: it is truncated; copy or produce it again");
}

static struct status take_all(struct avro_file *file, void *data, size_t count, struct err *err) {
    bool is_end;
    TRY(take(file, data, count, &is_end, err));
    return is_end ? truncated(err) : status_ok();
}

/* *is_end where not even the first byte is there. */
static struct status take_long_or_end(struct avro_file *file, int64_t *value, bool *is_end,
                                      struct err *err) {
    uint8_t digits[LONG_BYTES_MAX];
    size_t count = 0;
    TRY(take(file, digits, 1, is_end, err));
    if (*is_end) {
        return status_ok();
    }
    while (digits[count] >= 0x80 && count + 1 < LONG_BYTES_MAX) {
        count++;
        TRY(take_all(file, digits + count, 1, err));
    }
    struct cursor cursor = cursor_over(digits, count + 1);
    if (!avro_long_take(&cursor, value)) {
        return err_set(err, FAILURE_DATA, "an integer of over 64 bits");
    }
    return status_ok();
}

static struct status take_long(struct avro_file *file, int64_t *value, struct err *err) {
    bool is_end;
    TRY(take_long_or_end(file, value, &is_end, err));
    return is_end ? truncated(err) : status_ok();
}

/* A length of at most `limit` and as many bytes, which replace those of `out`. */
static struct status take_sized(struct avro_file *file, size_t limit, struct bytes *out,
                                struct err *err) {
    int64_t length;
    TRY(take_long(file, &length, err));
    if (length < 0 || (uint64_t)length > limit) {
        return err_set(err, FAILURE_DATA,
                       "it claims a length of %" PRId64 " bytes: the limit is %zu", length, limit);
    }
    out->count = 0;
    TRY(bytes_reserve(out, (size_t)length + 1, err)); /* +1: never NULL */
    TRY(take_all(file, out->data, (size_t)length, err));
    out->count = (size_t)length;
    return status_ok();
}

/* ---- the header ---- */

struct header {
    struct bytes key;
    struct bytes value;
    struct bytes schema;
    uint64_t pairs;
};

static bool is_text(const struct bytes *bytes, const char *text) {
    return bytes->count == strlen(text) && memcmp(bytes->data, text, bytes->count) == 0;
}

static struct status codec_find(struct avro_file *file, const struct bytes *name, struct err *err) {
    for (int codec = 0; codec < CODECS; codec++) {
        if (is_text(name, codec_names[codec])) {
            file->codec = (enum codec)codec;
            return status_ok();
        }
    }
    return err_set(err, FAILURE_DATA,
                   "its codec is \"%.*s\": null, deflate and zstandard can be read",
                   name->count < 60 ? (int)name->count : 60, (const char *)name->data);
}

static struct status pair_take(struct avro_file *file, struct header *header, struct err *err) {
    if (++header->pairs > LIMIT_AVRO_ENTRIES) {
        return err_set(err, FAILURE_DATA, "it has more than %d entries", LIMIT_AVRO_ENTRIES);
    }
    TRY(take_sized(file, LIMIT_AVRO_KEY_BYTES, &header->key, err));
    TRY(take_sized(file, LIMIT_RECORD_BYTES, &header->value, err));
    if (is_text(&header->key, "avro.codec")) {
        return codec_find(file, &header->value, err);
    }
    if (is_text(&header->key, "avro.schema")) {
        header->schema.count = 0;
        return bytes_append(&header->schema, header->value.data, header->value.count, err);
    }
    return status_ok();
}

static struct status pairs_take(struct avro_file *file, struct header *header, struct err *err) {
    for (;;) {
        int64_t pairs;
        int64_t bytes;
        TRY(take_long(file, &pairs, err));
        if (pairs == 0) {
            return status_ok();
        }
        if (pairs < 0) {
            TRY(take_long(file, &bytes, err)); /* for those who skip */
            pairs = pairs == INT64_MIN ? INT64_MAX : -pairs;
        }
        for (int64_t i = 0; i < pairs; i++) {
            TRY(pair_take(file, header, err));
        }
    }
}

static struct status header_take(struct avro_file *file, struct header *header, struct err *err) {
    uint8_t magic[AVRO_MAGIC_BYTES];
    TRY(take_all(file, magic, sizeof magic, err));
    if (memcmp(magic, avro_file_magic, sizeof magic) != 0) {
        return err_set(err, FAILURE_DATA, "it does not begin as an Avro container file does");
    }
    TRY(pairs_take(file, header, err));
    TRY(take_all(file, file->sync, SYNC_BYTES, err));
    if (header->schema.count == 0) {
        return err_set(err, FAILURE_DATA, "it has no schema");
    }
    const char *text = (const char *)header->schema.data;
    size_t bytes = header->schema.count;
    return file->is_of_facts
               ? writer_schema_new_facts(&file->schema, file->log, text, bytes, "its schema", err)
               : writer_schema_new(&file->schema, text, bytes, "its schema", err);
}

/* Takes over `made`, which knows what it is of. */
static struct status file_begin(struct avro_file **file, struct avro_file *made,
                                struct input *input, const void *head, size_t head_count,
                                struct err *err) {
    assert(head_count <= AVRO_MAGIC_BYTES);
    made->input = input;
    if (head_count > 0) {
        memcpy(made->buffer, head, head_count);
        made->buffer_count = head_count;
    }
    struct header header = {0};
    struct status status = header_take(made, &header, err);
    bytes_release(&header.key);
    bytes_release(&header.value);
    bytes_release(&header.schema);
    if (failed(status)) {
        err_prefix(err, "%s (header, near byte %" PRIu64 ")", input_name(input), made->offset);
        avro_file_close(made);
        return status;
    }
    *file = made;
    return status_ok();
}

struct status avro_file_open(struct avro_file **file, struct input *input, const void *head,
                             size_t head_count, struct err *err) {
    struct avro_file *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an Avro reader");
    }
    return file_begin(file, made, input, head, head_count, err);
}

struct status avro_file_open_facts(struct avro_file **file, enum fact_log log, struct input *input,
                                   const void *head, size_t head_count, struct err *err) {
    struct avro_file *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "an Avro reader");
    }
    made->is_of_facts = true;
    made->log = log;
    return file_begin(file, made, input, head, head_count, err);
}

void avro_file_close(struct avro_file *file) {
    if (file == NULL) {
        return;
    }
    writer_schema_free(file->schema);
    bytes_release(&file->stored);
    bytes_release(&file->unpacked);
    free(file);
}

/* ---- blocks ---- */

static struct status block_unpack(struct avro_file *file, struct err *err) {
    const struct bytes *stored = &file->stored;
    if (file->codec == CODEC_NULL) {
        file->data = cursor_over(stored->data, stored->count);
        return status_ok();
    }
    TRY(file->codec == CODEC_DEFLATE
            ? deflate_unpack(stored->data, stored->count, LIMIT_FRAME_BYTES, &file->unpacked, err)
            : compression_unpack_any(stored->data, stored->count, LIMIT_FRAME_BYTES,
                                     &file->unpacked, err));
    file->data = cursor_over(file->unpacked.data, file->unpacked.count);
    return status_ok();
}

static struct status block_end_check(const struct avro_file *file, struct err *err) {
    if (file->data_left == 0 && cursor_left(&file->data) > 0) {
        return err_set(err, FAILURE_DATA, "%zu bytes are left behind its last record",
                       cursor_left(&file->data));
    }
    return status_ok();
}

static struct status block_take(struct avro_file *file, bool *more, struct err *err) {
    int64_t count;
    bool is_end;
    uint8_t sync[SYNC_BYTES];
    file->block_offset = file->offset;
    TRY(take_long_or_end(file, &count, &is_end, err));
    *more = !is_end;
    if (is_end) {
        return status_ok();
    }
    if (count < 0 || count > LIMIT_FRAME_ITEMS) {
        return err_set(err, FAILURE_DATA, "it claims %" PRId64 " records: the limit is %u", count,
                       LIMIT_FRAME_ITEMS);
    }
    TRY(take_sized(file, LIMIT_FRAME_BYTES, &file->stored, err));
    TRY(take_all(file, sync, sizeof sync, err));
    if (memcmp(sync, file->sync, sizeof sync) != 0) {
        return err_set(err, FAILURE_DATA,
                       "the sync marker behind it is wrong: the file is damaged; restore it from "
                       "its source");
    }
    file->data_left = (uint64_t)count;
    TRY(block_unpack(file, err));
    return block_end_check(file, err);
}

/* Keeps a datum that is no event, for the next call: its bytes as hexadecimal digits. */
static void malformed_keep(struct avro_file *file, size_t start) {
    static const char digits[] = "0123456789abcdef";
    size_t bytes = file->data.at - start;
    bytes = bytes < AVRO_CONTENT_BYTES / 2 ? bytes : AVRO_CONTENT_BYTES / 2;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = file->data.data[start + i];
        file->content[2 * i] = digits[byte >> 4];
        file->content[2 * i + 1] = digits[byte & 15];
    }
    file->malformed.line = file->records;
    file->malformed.content = file->content;
    file->malformed.content_bytes = 2 * bytes;
    file->is_malformed_next = true;
}

/* Room for what is decoded: of events, or of facts. */
struct room {
    struct event *events;
    struct fact *facts;
    size_t capacity;
    size_t count; /* filled */
};

static struct status datum_take(struct avro_file *file, struct room *room,
                                enum datum_outcome *outcome, struct err *err) {
    char *reason = file->malformed.reason;
    return file->is_of_facts
               ? writer_schema_decode_fact(file->schema, &file->data, &room->facts[room->count],
                                           outcome, reason, err)
               : writer_schema_decode(file->schema, &file->data, &room->events[room->count],
                                      outcome, reason, err);
}

/* Decodes data of the block until the room is full, the block is empty, or one is malformed. */
static struct status block_decode(struct avro_file *file, struct room *room, struct err *err) {
    while (room->count < room->capacity && file->data_left > 0 && !file->is_malformed_next) {
        size_t start = file->data.at;
        enum datum_outcome outcome;
        TRY(datum_take(file, room, &outcome, err));
        file->data_left--;
        file->records++;
        if (outcome == DATUM_BROKEN) {
            return err_set(err, FAILURE_DATA, "record %" PRIu64 " cannot be read: %s",
                           file->records, file->malformed.reason);
        }
        if (outcome == DATUM_EVENT) {
            room->count++;
        } else {
            malformed_keep(file, start);
        }
    }
    return block_end_check(file, err);
}

static struct status room_fill(struct avro_file *file, struct room *room, struct err *err) {
    bool more = true;
    while (more && room->count < room->capacity && !file->is_malformed_next) {
        if (file->data_left > 0) {
            TRY(block_decode(file, room, err));
        } else {
            TRY(block_take(file, &more, err));
        }
    }
    return status_ok();
}

static struct status file_next(struct avro_file *file, struct room *room, bool *is_malformed,
                               struct malformed *malformed, struct err *err) {
    *is_malformed = false;
    if (!file->is_malformed_next) {
        struct status status = room_fill(file, room, err);
        if (failed(status)) {
            err_prefix(err, "%s (block at byte %" PRIu64 ")", input_name(file->input),
                       file->block_offset);
            return status;
        }
    }
    if (room->count == 0 && file->is_malformed_next) {
        *malformed = file->malformed;
        *is_malformed = true;
        file->is_malformed_next = false;
    }
    return status_ok();
}

struct status avro_file_next(struct avro_file *file, struct event *events, size_t capacity,
                             size_t *count, bool *is_malformed, struct malformed *malformed,
                             struct err *err) {
    assert(!file->is_of_facts);
    struct room room = {.events = events, .capacity = capacity};
    struct status status = file_next(file, &room, is_malformed, malformed, err);
    *count = room.count;
    return status;
}

struct status avro_file_next_facts(struct avro_file *file, struct fact *facts, size_t capacity,
                                   size_t *count, bool *is_malformed, struct malformed *malformed,
                                   struct err *err) {
    assert(file->is_of_facts);
    struct room room = {.facts = facts, .capacity = capacity};
    struct status status = file_next(file, &room, is_malformed, malformed, err);
    *count = room.count;
    return status;
}

/* ---- writing ---- */

static void sync_make(uint8_t sync[SYNC_BYTES]) {
    size_t bytes = strlen(connections_schema);
    put_u64(sync, checksum_of(connections_schema, bytes, 0));
    put_u64(sync + 8, checksum_of(connections_schema, bytes, 1));
}

static struct status put_sized(const void *data, size_t bytes, struct bytes *out, struct err *err) {
    TRY(avro_long_put(out, (int64_t)bytes, err));
    return bytes_append(out, data, bytes, err);
}

static struct status put_text(const char *text, struct bytes *out, struct err *err) {
    return put_sized(text, strlen(text), out, err);
}

struct status avro_file_put_header(struct bytes *out, struct err *err) {
    uint8_t sync[SYNC_BYTES];
    sync_make(sync);
    TRY(bytes_append(out, avro_file_magic, sizeof avro_file_magic, err));
    TRY(avro_long_put(out, 2, err));
    TRY(put_text("avro.codec", out, err));
    TRY(put_text(codec_names[CODEC_DEFLATE], out, err));
    TRY(put_text("avro.schema", out, err));
    TRY(put_text(connections_schema, out, err));
    TRY(avro_long_put(out, 0, err));
    return bytes_append(out, sync, sizeof sync, err);
}

/* Packs the data and writes the block around them. */
static struct status block_put(const struct bytes *data, size_t count, struct bytes *packed,
                               struct bytes *out, struct err *err) {
    uint8_t sync[SYNC_BYTES];
    sync_make(sync);
    TRY(deflate_pack(data->data, data->count, packed, err));
    TRY(avro_long_put(out, (int64_t)count, err));
    TRY(put_sized(packed->data, packed->count, out, err));
    return bytes_append(out, sync, sizeof sync, err);
}

struct status avro_file_put_block(const struct event *events, size_t count, struct bytes *out,
                                  struct err *err) {
    assert(count >= 1 && count <= AVRO_BLOCK_EVENTS);
    struct bytes data = {0};
    struct bytes packed = {0};
    struct status status = status_ok();
    for (size_t i = 0; i < count && !failed(status); i++) {
        status = avro_datum_encode(&events[i], &data, err);
    }
    if (!failed(status)) {
        status = block_put(&data, count, &packed, out, err);
    }
    bytes_release(&data);
    bytes_release(&packed);
    return status;
}
