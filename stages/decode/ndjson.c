#include "stages/decode/ndjson.h"

#include "stages/base/number.h"
#include "stages/decode/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ndjson {
    struct time_rule time;
};

static struct status ndjson_open(void **state, struct text_lines *lines,
                                 const struct log_reader_options *options, struct err *err) {
    (void)lines; /* nothing stands before the first record */
    struct ndjson *ndjson = malloc(sizeof *ndjson);
    if (ndjson == NULL) {
        return err_memory(err, sizeof *ndjson, "an NDJSON reader");
    }
    ndjson->time = time_rule_of(options, 1);
    *state = ndjson;
    return status_ok();
}

bool json_key_text(const struct json *object, const char *key, const char **text,
                   char reason[MALFORMED_REASON_BYTES]) {
    const struct json *value = json_get(object, key);
    switch (json_type(value)) {
    case JSON_MISSING:
    case JSON_NULL:
        *text = "";
        return true;
    case JSON_NUMBER:
        *text = json_number_text(value);
        return true;
    case JSON_STRING:
        *text = json_text(value);
        return true;
    default:
        reason_set(reason, "\"%s\" is %s: a number or a string is expected", key,
                   json_type_name(json_type(value)));
        return false;
    }
}

/* The text of the key of a field; false, with a reason, where it is missing and must not be. */
static bool key_text(const struct json *object, enum field field, const char **text,
                     char reason[MALFORMED_REASON_BYTES]) {
    if (field <= FIELD_TO && json_type(json_get(object, field_name(field))) <= JSON_NULL) {
        reason_set(reason, "the key \"%s\" is missing", field_name(field));
        return false;
    }
    return json_key_text(object, field_name(field), text, reason);
}

static bool object_parse(const struct time_rule *rule, const struct json *object,
                         struct event *event, char reason[MALFORMED_REASON_BYTES]) {
    if (json_type(object) != JSON_OBJECT) {
        reason_set(reason,
                   "the record is %s: an object {\"at\":..,\"from\":..,\"to\":..} is expected",
                   json_type_name(json_type(object)));
        return false;
    }
    const char *text;
    if (!rule->is_line && (!key_text(object, FIELD_AT, &text, reason) ||
                           !field_parse_time(rule, text, strlen(text), &event->at_ms, reason))) {
        return false;
    }
    return key_text(object, FIELD_FROM, &text, reason) &&
           field_parse_id(FIELD_FROM, text, strlen(text), &event->from, reason) &&
           key_text(object, FIELD_TO, &text, reason) &&
           field_parse_id(FIELD_TO, text, strlen(text), &event->to, reason) &&
           key_text(object, FIELD_KIND, &text, reason) &&
           field_parse_kind(text, strlen(text), &event->kind, reason) &&
           key_text(object, FIELD_ORIGIN, &text, reason) &&
           field_parse_origin(text, strlen(text), &event->origin, reason);
}

struct status json_record_parse(const struct text_record *record, struct json **root,
                                char reason[MALFORMED_REASON_BYTES], struct err *err) {
    *root = NULL;
    if (!record_is_sound(record, reason)) {
        return status_ok();
    }
    struct err json_err;
    struct status status = json_parse(root, record->text, record->bytes, &json_err);
    if (status.failure == FAILURE_DATA) {
        *root = NULL;
        reason_set(reason, "%s", json_err.text);
        return status_ok();
    }
    return failed(status) ? err_set(err, status.failure, "%s", json_err.text) : status_ok();
}

struct status json_event_parse(const struct time_rule *rule, const struct text_record *record,
                               struct event *event, bool *is_event,
                               char reason[MALFORMED_REASON_BYTES], struct err *err) {
    struct json *object;
    TRY(json_record_parse(record, &object, reason, err));
    *is_event = object != NULL && object_parse(rule, object, event, reason);
    json_free(object);
    return status_ok();
}

static struct status ndjson_parse(void *state, struct text_lines *lines, struct text_record *record,
                                  struct event *event, enum outcome *outcome,
                                  char reason[MALFORMED_REASON_BYTES], struct err *err) {
    const struct ndjson *ndjson = state;
    (void)lines; /* a record is one line */
    if (text_is_blank(record->text, record->bytes)) {
        *outcome = OUTCOME_NOTHING;
        return status_ok();
    }
    *event = (struct event){.at_ms = (int64_t)record->line};
    bool is_event;
    TRY(json_event_parse(&ndjson->time, record, event, &is_event, reason, err));
    *outcome = is_event ? OUTCOME_EVENT : OUTCOME_MALFORMED;
    return status_ok();
}

const struct text_format ndjson_format = {
    .open = ndjson_open, .parse = ndjson_parse, .finish = NULL, .close = free};

/* The keys, a sign, three numbers, the longest names and the NUL. */
enum { LINE_BYTES = 64 + 1 + 3 * NUMBER_U64_BYTES + 10 + 11 + 1 };

struct status ndjson_put_events(struct bytes *out, const struct event *events, size_t count,
                                struct err *err) {
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        TRY(bytes_reserve(out, LINE_BYTES, err));
        int bytes = snprintf((char *)out->data + out->count, LINE_BYTES,
                             "{\"at\":%" PRId64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                             ",\"kind\":\"%s\",\"origin\":\"%s\"}\n",
                             event->at_ms, event->from.v, event->to.v, event_kind_name(event->kind),
                             event_origin_name(event->origin));
        assert(bytes > 0 && bytes < LINE_BYTES);
        out->count += (size_t)bytes;
    }
    return status_ok();
}
