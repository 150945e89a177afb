/* The bytes as a number, a date, a time, a checksum, an id, a kind: whatever is accepted formats to
 * a text that reads back as the same. */
#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/number.h"
#include "stages/decode/fields.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

static void integers_check(const char *text, size_t bytes) {
    char formatted[NUMBER_U64_BYTES + 1];
    uint64_t u;
    uint64_t u_again;
    int64_t i;
    int64_t i_again;
    bool is_u = number_parse_u64(text, bytes, &u);
    bool is_i = number_parse_i64(text, bytes, &i);
    if (is_u) {
        require(number_parse_u64(formatted, number_format_u64(formatted, u), &u_again));
        require(u_again == u && is_i == (u <= INT64_MAX));
    }
    if (is_i) {
        require(number_parse_i64(formatted, number_format_i64(formatted, i), &i_again));
        require(i_again == i && (is_u ? (uint64_t)i == u : text[0] == '-'));
    }
}

/* `text` ends with a NUL. */
static void date_check(const char *text) {
    int64_t day_ms;
    char formatted[DATE_TEXT_BYTES];
    if (date_parse(text, &day_ms)) {
        require(day_ms >= LIMIT_TIME_MIN_MS && day_ms <= LIMIT_TIME_MAX_MS);
        require(date_day_start(day_ms) == day_ms);
        date_format(day_ms, formatted);
        require(strcmp(formatted, text) == 0);
    }
}

/* The day of an ISO time is the one that its text begins with, but for its zone. */
static void time_check(const char *text, size_t bytes) {
    enum { DAY_CHARACTERS = DATE_TEXT_BYTES - 1 };
    static const struct time_rule rules[] = {{1, 1, false, false},
                                             {1000, 1, false, false},
                                             {1, 1000000, false, false},
                                             {1, 1, true, false}};
    char reason[MALFORMED_REASON_BYTES];
    int64_t at_ms;
    if (iso_time_parse(text, bytes, &at_ms)) {
        char day[DATE_TEXT_BYTES] = "";
        int64_t day_ms;
        require(bytes >= DAY_CHARACTERS);
        memcpy(day, text, DAY_CHARACTERS);
        require(date_parse(day, &day_ms));
        require(at_ms > day_ms - DAY_MS && at_ms < day_ms + 2 * DAY_MS);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        reason[0] = '\0';
        bool is_time = field_parse_time(&rules[i], text, bytes, &at_ms, reason);
        require(is_time ? event_time_is_valid(at_ms) : reason[0] != '\0');
        int64_t value;
        if (number_parse_i64(text, bytes, &value)) {
            require(!time_rule_apply(&rules[i], value, &at_ms) || event_time_is_valid(at_ms));
        }
    }
}

static void fields_check(const char *text, size_t bytes) {
    char reason[MALFORMED_REASON_BYTES] = "";
    struct member_id id;
    uint64_t number;
    uint8_t code;
    bool is_id = field_parse_id(FIELD_FROM, text, bytes, &id, reason);
    require(is_id == number_parse_u64(text, bytes, &number));
    require(is_id ? id.v == number : reason[0] != '\0');
    require(!field_parse_kind(text, bytes, &code, reason) || code < EVENT_KINDS);
    require(!field_parse_origin(text, bytes, &code, reason) || code < EVENT_ORIGINS);
    for (const char *at = reason; *at != '\0'; at++) {
        require(*at >= ' ' && *at < 0x7f);
    }
}

static void checksum_check(const char *text) {
    char formatted[CHECKSUM_TEXT_BYTES];
    uint64_t value;
    if (checksum_parse(text, &value)) {
        checksum_format(value, formatted);
        require(strcmp(formatted, text) == 0);
    }
}

/* The first eight bytes as a double. */
static void double_check(const uint8_t *data) {
    double value;
    char formatted[NUMBER_DOUBLE_BYTES];
    memcpy(&value, data, sizeof value);
    if (value - value == 0) { /* finite */
        require(number_format_double(formatted, value) < sizeof formatted);
        require(strtod(formatted, NULL) == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + (size == 0)); /* of exactly its size */
    char *ended = strndup((const char *)data, size);
    require(text != NULL && ended != NULL);
    memcpy(text, data, size);
    integers_check(text, size);
    time_check(text, size);
    fields_check(text, size);
    date_check(ended);
    checksum_check(ended);
    if (size >= sizeof(double)) {
        double_check(data);
    }
    free(text);
    free(ended);
    return 0;
}
