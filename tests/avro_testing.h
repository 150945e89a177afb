/* What the tests of Avro share: data built by hand, and events to write. */
#ifndef TIEFLOW_TESTS_AVRO_TESTING_H
#define TIEFLOW_TESTS_AVRO_TESTING_H

#include "schemas/event.h"
#include "schemas/limits.h"
#include "stages/base/bytes.h"
#include "stages/base/random.h"
#include "stages/decode/avro_datum.h"
#include "tests/testing.h"

#include <string.h>

static inline void put_long(struct bytes *out, int64_t value) {
    struct err err;
    MUST(avro_long_put(out, value, &err));
}

static inline void put_raw(struct bytes *out, const void *data, size_t count) {
    struct err err;
    MUST(bytes_append(out, data, count, &err));
}

/* A length and as many bytes. */
static inline void put_string(struct bytes *out, const char *text) {
    put_long(out, (int64_t)strlen(text));
    put_raw(out, text, strlen(text));
}

/* Bytes from hexadecimal digits. */
static inline void put_hex(struct bytes *out, const char *digits) {
    static const char all[] = "0123456789abcdef";
    for (size_t i = 0; digits[i] != '\0'; i += 2) {
        uint8_t byte =
            (uint8_t)((strchr(all, digits[i]) - all) << 4 | (strchr(all, digits[i + 1]) - all));
        put_raw(out, &byte, 1);
    }
}

/* Times and ids of every length, the edges of every range among them. */
static inline void avro_events(struct event *events, size_t count, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        uint64_t range_ms = (uint64_t)LIMIT_TIME_MAX_MS - (uint64_t)LIMIT_TIME_MIN_MS + 1;
        bool is_short = random_below(&random, 2) == 0;
        int64_t short_ms = (int64_t)(random_u64(&random) >> (20 + random_below(&random, 44)));
        events[i] = (struct event){
            .at_ms = is_short ? short_ms % LIMIT_TIME_MAX_MS
                              : LIMIT_TIME_MIN_MS + (int64_t)random_below(&random, range_ms),
            .from = {random_u64(&random) >> random_below(&random, 64)},
            .to = {random_u64(&random) >> random_below(&random, 64)},
            .kind = (uint8_t)random_below(&random, EVENT_KINDS),
            .origin = (uint8_t)random_below(&random, EVENT_ORIGINS),
        };
    }
    static const struct event edges[] = {
        {.at_ms = LIMIT_TIME_MIN_MS, .from = {0}, .to = {UINT64_MAX}},
        {.at_ms = LIMIT_TIME_MAX_MS, .from = {UINT64_MAX}, .to = {0}, .kind = 1, .origin = 3},
        {.at_ms = 0, .from = {UINT64_C(1) << 63}, .to = {(UINT64_C(1) << 63) - 1}, .kind = 1},
        {.at_ms = -1, .from = {63}, .to = {64}, .origin = 1},
    };
    for (size_t i = 0; i < count && i < sizeof edges / sizeof edges[0]; i++) {
        events[i] = edges[i];
    }
}

static inline void assert_same_event(const struct event *a, const struct event *b) {
    assert_true(a->at_ms == b->at_ms);
    assert_true(a->from.v == b->from.v);
    assert_true(a->to.v == b->to.v);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->origin, b->origin);
}

/* The events of the golden files (tests/golden/make_avro.py). */
static const struct event golden_events[] = {
    {.at_ms = INT64_C(1700000000123), .from = {1}, .to = {2}, .kind = EVENT_CONNECT},
    {.at_ms = 0, .from = {0}, .to = {UINT64_MAX}, .origin = ORIGIN_IMPORT},
    {.at_ms = LIMIT_TIME_MIN_MS,
     .from = {UINT64_C(1) << 63},
     .to = {(UINT64_C(1) << 63) - 1},
     .kind = EVENT_CONNECT,
     .origin = ORIGIN_ORGANIC},
    {.at_ms = LIMIT_TIME_MAX_MS,
     .from = {16777215},
     .to = {UINT64_C(34359738368)},
     .origin = ORIGIN_RECOMMENDED},
};
enum { GOLDEN_EVENTS = sizeof golden_events / sizeof golden_events[0] };

/* The data of the golden events, as fastavro's schemaless_writer gives them. */
static const char *const golden_data[GOLDEN_EVENTS] = {
    "f6a1abfef96202040200",
    "0000010006",
    "ffdfe6a2e2a01cffffffffffffffffff01feffffffffffffffff010202",
    "feeffea1fa9d73feffff0f8080808080020004",
};

#endif
