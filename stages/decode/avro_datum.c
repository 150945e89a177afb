/* An integer of up to eight bytes is taken from one 64-bit word: the lowest byte without a top bit
 * ends it, and its groups of seven bits are pushed together in three steps, whatever its length.
 * Byte by byte, every integer costs a branch on its length that cannot be foretold, since ids are
 * nearly random. Where fewer than eight bytes are left the word is the last eight of the whole,
 * shifted: a single datum needs no padding behind it.
 */
#include "stages/decode/avro_datum.h"

#include "stages/decode/fields.h"

#include <assert.h>
#include <inttypes.h>

enum { LONG_BYTES_MAX = 10, WORD_BYTES = 8 };

/* Compilers make one load of it. */
static inline uint64_t word_load(const uint8_t *at) {
    uint64_t word = 0;
    for (unsigned i = 0; i < WORD_BYTES; i++) {
        word |= (uint64_t)at[i] << 8 * i;
    }
    return word;
}

/* Bits 0-6 of each byte, pushed together. */
static inline uint64_t groups_join(uint64_t word) {
    word &= UINT64_C(0x7f7f7f7f7f7f7f7f);
    word = (word & UINT64_C(0x007f007f007f007f)) | (word & UINT64_C(0x7f007f007f007f00)) >> 1;
    word = (word & UINT64_C(0x00003fff00003fff)) | (word & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (word & UINT64_C(0x000000000fffffff)) | (word & UINT64_C(0x0fffffff00000000)) >> 4;
}

static inline int64_t zigzag_decode(uint64_t raw) {
    return (int64_t)(raw >> 1 ^ (0 - (raw & 1)));
}

static inline uint64_t zigzag_encode(int64_t value) {
    return (uint64_t)value << 1 ^ (0 - ((uint64_t)value >> 63));
}

/* Any length, any place. */
static bool long_take_slowly(struct cursor *cursor, int64_t *value) {
    uint64_t raw = 0;
    for (unsigned i = 0; i < LONG_BYTES_MAX; i++) {
        const uint8_t *byte = cursor_take(cursor, 1);
        if (byte == NULL) {
            return false;
        }
        uint64_t group = *byte & 0x7fU;
        if (i == LONG_BYTES_MAX - 1 && *byte > 1) { /* bits above the 64th */
            break;
        }
        raw |= group << 7 * i;
        if (*byte < 0x80) {
            *value = zigzag_decode(raw);
            return true;
        }
    }
    cursor->broken = true;
    return false;
}

/* Takes an integer of nine or ten bytes, of which `word` has the first eight: ids of 56 bits and
 * more. Ten bytes are left. */
static inline bool long_take_wide(struct cursor *cursor, uint64_t word, int64_t *value) {
    const uint8_t *more = cursor->data + cursor->at + WORD_BYTES;
    bool is_long = more[0] >= 0x80;
    if (is_long && more[1] > 1) { /* bits above the 64th */
        cursor->broken = true;
        return false;
    }
    uint64_t top = is_long ? more[1] : 0;
    cursor->at += WORD_BYTES + 1 + is_long;
    *value = zigzag_decode(groups_join(word) | (uint64_t)(more[0] & 0x7f) << 56 | top << 63);
    return true;
}

static inline bool long_take(struct cursor *cursor, int64_t *value) {
    size_t left = cursor_left(cursor);
    if (left == 0 || cursor->count < WORD_BYTES) {
        return long_take_slowly(cursor, value);
    }
    uint64_t word = left >= WORD_BYTES ? word_load(cursor->data + cursor->at)
                                       : word_load(cursor->data + cursor->count - WORD_BYTES) >>
                                             8 * (WORD_BYTES - left);
    uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (ends == 0) {
        return left < LONG_BYTES_MAX ? long_take_slowly(cursor, value)
                                     : long_take_wide(cursor, word, value);
    }
    size_t length = ((size_t)__builtin_ctzll(ends) >> 3) + 1;
    if (length > left) { /* the end is one of the zeros that were shifted in */
        return long_take_slowly(cursor, value);
    }
    cursor->at += length;
    *value = zigzag_decode(groups_join(word & (ends ^ (ends - 1))));
    return true;
}

bool avro_long_take(struct cursor *cursor, int64_t *value) {
    return long_take(cursor, value);
}

/* An ordinal is one byte unless somebody pads it. */
static inline bool ordinal_take(struct cursor *cursor, int64_t *value) {
    if (cursor_left(cursor) > 0 && cursor->data[cursor->at] < 0x80) {
        *value = zigzag_decode(cursor->data[cursor->at++]);
        return true;
    }
    return long_take_slowly(cursor, value);
}

/* Writes at most LONG_BYTES_MAX bytes; gives the place behind them. */
static inline uint8_t *long_write(uint8_t *at, int64_t value) {
    uint64_t raw = zigzag_encode(value);
    while (raw >= 0x80) {
        *at++ = (uint8_t)(raw | 0x80);
        raw >>= 7;
    }
    *at++ = (uint8_t)raw;
    return at;
}

struct status avro_long_put(struct bytes *out, int64_t value, struct err *err) {
    TRY(bytes_reserve(out, LONG_BYTES_MAX, err));
    out->count = (size_t)(long_write(out->data + out->count, value) - out->data);
    return status_ok();
}

bool avro_time_check(int64_t at_ms, char reason[MALFORMED_REASON_BYTES]) {
    if (!event_time_is_valid(at_ms)) {
        reason_set(reason,
                   "at is %" PRId64 ": outside the years 0001 to 9999; is the unit milliseconds?",
                   at_ms);
        return false;
    }
    return true;
}

/* Tells why a datum of sound integers is no event. */
static enum datum_outcome datum_refuse(const struct event *event, int64_t kind, int64_t origin,
                                       char reason[MALFORMED_REASON_BYTES]) {
    if (avro_time_check(event->at_ms, reason)) {
        bool is_kind = kind < 0 || kind >= EVENT_KINDS;
        reason_set(reason, "%s is symbol %" PRId64 ": the enum has symbols 0 to %d",
                   field_name(is_kind ? FIELD_KIND : FIELD_ORIGIN), is_kind ? kind : origin,
                   is_kind ? EVENT_KINDS - 1 : EVENT_ORIGINS - 1);
    }
    return DATUM_UNFIT;
}

/* Tells where the datum breaks off: the first `fields` fields were read. */
static enum datum_outcome datum_break(const struct cursor *cursor, int fields,
                                      char reason[MALFORMED_REASON_BYTES]) {
    reason_set(reason, "the Avro datum %s in its field \"%s\"",
               cursor_left(cursor) == 0 ? "is cut off" : "has an integer over 64 bits",
               field_name((enum field)fields));
    return DATUM_BROKEN;
}

enum datum_outcome avro_datum_decode(struct cursor *cursor, struct event *event,
                                     char reason[MALFORMED_REASON_BYTES]) {
    struct cursor here = *cursor; /* in registers */
    int64_t from;
    int64_t to;
    int64_t kind;
    int64_t origin;
    int fields = 0;
    bool is_whole = long_take(&here, &event->at_ms) && ++fields != 0 && long_take(&here, &from) &&
                    ++fields != 0 && long_take(&here, &to) && ++fields != 0 &&
                    ordinal_take(&here, &kind) && ++fields != 0 && ordinal_take(&here, &origin);
    *cursor = here;
    if (!is_whole) {
        return datum_break(cursor, fields, reason);
    }
    event->from.v = (uint64_t)from;
    event->to.v = (uint64_t)to;
    event->kind = (uint8_t)kind;
    event->origin = (uint8_t)origin;
    if (!event_time_is_valid(event->at_ms) || (uint64_t)kind >= EVENT_KINDS ||
        (uint64_t)origin >= EVENT_ORIGINS) {
        return datum_refuse(event, kind, origin, reason);
    }
    return DATUM_EVENT;
}

struct status avro_datum_encode(const struct event *event, struct bytes *out, struct err *err) {
    assert(event_time_is_valid(event->at_ms) && event->kind < EVENT_KINDS &&
           event->origin < EVENT_ORIGINS);
    TRY(bytes_reserve(out, 5 * (size_t)LONG_BYTES_MAX, err));
    uint8_t *at = out->data + out->count;
    at = long_write(at, event->at_ms);
    at = long_write(at, (int64_t)event->from.v);
    at = long_write(at, (int64_t)event->to.v);
    at = long_write(at, event->kind);
    at = long_write(at, event->origin);
    out->count = (size_t)(at - out->data);
    return status_ok();
}
