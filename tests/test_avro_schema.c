#include "stages/decode/avro_schema.h"

#include "schemas/limits.h"
#include "stages/base/files.h"
#include "stages/decode/record_encoder.h"
#include "tests/avro_testing.h"

#include <stdio.h>
#include <stdlib.h>

static struct err err;
static char reason[MALFORMED_REASON_BYTES];

enum { TEXT_BYTES = 4096 };

/* A schema from shorthand: "name type; name type" are the fields of a record other.edge, types in
 * JSON with ' for ", the names of types bare. What starts as JSON does is JSON already. */
static const char *schema_of(const char *shorthand, char text[TEXT_BYTES]) {
    if (shorthand[0] == '\0' || strchr("{[\"", shorthand[0]) != NULL) {
        return shorthand;
    }
    size_t length = (size_t)snprintf(
        text, TEXT_BYTES, "{'type':'record','name':'edge','namespace':'other','fields':[");
    for (const char *field = shorthand; field != NULL;) {
        const char *type = strchr(field, ' ') + 1;
        const char *next = strstr(field, "; ");
        size_t type_bytes = next == NULL ? strlen(type) : (size_t)(next - type);
        const char *quote = strchr("{[", type[0]) != NULL ? "" : "'";
        length +=
            (size_t)snprintf(text + length, TEXT_BYTES - length,
                             "{'name':'%.*s','type':%s%.*s%s}%s", (int)(type - 1 - field), field,
                             quote, (int)type_bytes, type, quote, next == NULL ? "]}" : ",");
        assert_true(length < TEXT_BYTES);
        field = next == NULL ? NULL : next + 2;
    }
    for (char *c = strchr(text, '\''); c != NULL; c = strchr(c, '\'')) {
        *c = '"';
    }
    return text;
}

static struct writer_schema *opened(const char *shorthand) {
    char room[TEXT_BYTES];
    const char *text = schema_of(shorthand, room);
    struct writer_schema *schema = NULL;
    MUST(writer_schema_new(&schema, text, strlen(text), "schema 7", &err));
    return schema;
}

static void refused(const char *shorthand, const char *part) {
    char room[TEXT_BYTES];
    const char *text = schema_of(shorthand, room);
    struct writer_schema *schema = NULL;
    MUST_FAIL(writer_schema_new(&schema, text, strlen(text), "schema 7", &err), FAILURE_DATA, part);
    assert_null(schema);
    if (strncmp(err.text, "schema 7: ", 10) != 0) {
        fail_msg("the schema is not named first: %s", err.text);
    }
}

/* Decodes memory of exactly the data's size; gives how far it came. */
static enum datum_outcome decode(struct writer_schema *schema, const struct bytes *data,
                                 struct event *event, size_t *used) {
    uint8_t *copy = malloc(data->count + (data->count == 0));
    assert_non_null(copy);
    if (data->count != 0) {
        memcpy(copy, data->data, data->count);
    }
    struct cursor cursor = cursor_over(copy, data->count);
    enum datum_outcome outcome;
    MUST(writer_schema_decode(schema, &cursor, event, &outcome, reason, &err));
    *used = cursor.at;
    free(copy);
    return outcome;
}

static void expect_event(const char *text, const struct bytes *data, const struct event *expected) {
    struct writer_schema *schema = opened(text);
    struct event event;
    size_t used;
    enum datum_outcome outcome = decode(schema, data, &event, &used);
    if (outcome != DATUM_EVENT) {
        fail_msg("no event: %s", reason);
    }
    assert_int_equal(used, data->count);
    assert_same_event(&event, expected);
    writer_schema_free(schema);
}

static void expect_reason(const char *text, const struct bytes *data, enum datum_outcome outcome,
                          const char *part) {
    struct writer_schema *schema = opened(text);
    struct event event;
    size_t used;
    assert_int_equal(decode(schema, data, &event, &used), outcome);
    assert_true(outcome == DATUM_BROKEN || used == data->count);
    if (strstr(reason, part) == NULL) {
        fail_msg("\"%s\" without \"%s\"", reason, part);
    }
    writer_schema_free(schema);
}

/* ---- known or not ---- */

static void test_our_schema_is_known_whatever_it_calls_its_types(void **state) {
    (void)state;
    static const char *const known[] = {
        connections_schema,
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
        "'import']}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct writer_schema *schema = opened(known[i]);
        assert_true(writer_schema_is_known(schema));
        for (size_t k = 0; k < GOLDEN_EVENTS; k++) {
            struct bytes data = {0};
            struct event event;
            size_t used;
            put_hex(&data, golden_data[k]);
            assert_int_equal(decode(schema, &data, &event, &used), DATUM_EVENT);
            assert_same_event(&event, &golden_events[k]);
            bytes_release(&data);
        }
        writer_schema_free(schema);
    }
}

static void test_schemas_that_differ_anywhere_are_not_taken_for_ours(void **state) {
    (void)state;
    static const char *const others[] = {
        "at long; from long; to long",
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}",
        "at long; from long; to long; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
        "'import']}; kind {'type':'enum','name':'k','symbols':['disconnect','connect']}",
        "at int; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
        "'import']}",
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['connect','disconnect']}; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
        "'import']}",
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
        "'import']}; more null",
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}; "
        "origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended']}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct writer_schema *schema = opened(others[i]);
        assert_false(writer_schema_is_known(schema));
        writer_schema_free(schema);
    }
}

/* ---- resolution, case by case ---- */

static const struct event plain = {.at_ms = 1000, .from = {7}, .to = {8}, .kind = EVENT_CONNECT};

static void test_other_order_of_fields_is_read_right(void **state) {
    (void)state;
    struct bytes data = {0};
    put_long(&data, ORIGIN_IMPORT);
    put_long(&data, 8);
    put_long(&data, EVENT_DISCONNECT);
    put_long(&data, 7);
    put_long(&data, 1000);
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expected.origin = ORIGIN_IMPORT;
    expect_event("origin {'type':'enum','name':'o','symbols':['unknown','organic','recommended',"
                 "'import']}; to long; "
                 "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}; from long; "
                 "at long",
                 &data, &expected);
    bytes_release(&data);
}

static void put_essentials(struct bytes *data) {
    put_long(data, 1000);
    put_long(data, 7);
    put_long(data, 8);
}

static void test_missing_optional_fields_take_their_defaults(void **state) {
    (void)state;
    struct bytes data = {0};
    put_essentials(&data);
    expect_event("at long; from long; to long", &data, &plain);
    put_long(&data, EVENT_DISCONNECT);
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expect_event("at long; from long; to long; "
                 "kind {'type':'enum','name':'k','symbols':['disconnect','connect']}",
                 &data, &expected);
    bytes_release(&data);
}

static void test_extra_fields_of_every_type_are_passed_over(void **state) {
    (void)state;
    struct bytes data = {0};
    put_raw(&data, "\x01", 1); /* boolean */
    put_long(&data, 1000);
    put_raw(&data, "float---double--", 4 + 8);
    put_string(&data, "text");
    put_long(&data, 7);
    put_string(&data, "bytes");
    put_raw(&data, "abc", 3); /* fixed */
    put_long(&data, 1);       /* enum */
    put_long(&data, 2);       /* array of two maps, in one block */
    put_long(&data, 1);       /* map of one */
    put_string(&data, "key");
    put_long(&data, 1); /* union: the record */
    put_long(&data, -5);
    put_long(&data, 0);
    put_long(&data, 0); /* the second map is empty */
    put_long(&data, 0);
    put_long(&data, 8);
    expect_event("a boolean; at long; b float; c double; d string; from long; e bytes; "
                 "f {'type':'fixed','name':'f3','size':3}; "
                 "g {'type':'enum','name':'e','symbols':['x','y']}; "
                 "h {'type':'array','items':{'type':'map','values':['null',{'type':'record',"
                 "'name':'inner','fields':[{'name':'n','type':'int'}]}]}}; i null; to long",
                 &data, &plain);
    bytes_release(&data);
}

static void test_types_that_hold_themselves_are_passed_over(void **state) {
    (void)state;
    struct bytes data = {0};
    put_long(&data, 1); /* a list of two, with names used again */
    put_long(&data, 5);
    put_long(&data, 1);
    put_long(&data, 6);
    put_long(&data, 0);
    put_essentials(&data);
    put_long(&data, 1); /* the second list */
    put_long(&data, 9);
    put_long(&data, 0);
    expect_event("list ['null',{'type':'record','name':'list','fields':[{'name':'v','type':'long'},"
                 "{'name':'next','type':['null','list']}]}]; at long; from long; to long; "
                 "more ['null','other.list']",
                 &data, &plain);
    bytes_release(&data);
}

static void test_record_that_holds_itself_is_read(void **state) {
    (void)state;
    struct bytes data = {0};
    put_essentials(&data);
    put_long(&data, 1);
    put_long(&data, 1);
    put_long(&data, 2);
    put_long(&data, 3);
    put_long(&data, 0);
    expect_event("at long; from long; to long; caused_by ['null','edge']", &data, &plain);
    bytes_release(&data);
}

static void test_int_is_promoted_to_long(void **state) {
    (void)state;
    struct bytes data = {0};
    put_long(&data, -1000);
    put_long(&data, 7);
    put_long(&data, -8);
    struct event expected = plain;
    expected.at_ms = -1000;
    expected.to.v = UINT64_MAX - 7;
    expect_event("at int; from int; to int", &data, &expected);
    bytes_release(&data);
}

static void test_unions_with_null_are_read_in_any_order(void **state) {
    (void)state;
    static const char *const text =
        "at ['null','long']; from ['long','null']; to ['int','null','long']; "
        "kind ['null',{'type':'enum','name':'k','symbols':['disconnect','connect']}]; "
        "origin ['string',{'type':'enum','name':'o','symbols':['unknown','organic',"
        "'recommended','import']},'null']";
    struct bytes data = {0};
    put_long(&data, 1);
    put_long(&data, 1000);
    put_long(&data, 0);
    put_long(&data, 7);
    put_long(&data, 0);
    put_long(&data, 8);
    put_long(&data, 1);
    put_long(&data, EVENT_DISCONNECT);
    put_long(&data, 1);
    put_long(&data, ORIGIN_ORGANIC);
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expected.origin = ORIGIN_ORGANIC;
    expect_event(text, &data, &expected);
    data.count = 0;
    put_long(&data, 1);
    put_long(&data, 1000);
    put_long(&data, 0);
    put_long(&data, 7);
    put_long(&data, 2); /* the long of to */
    put_long(&data, 8);
    put_long(&data, 0); /* kind is null */
    put_long(&data, 0); /* origin is a string */
    put_string(&data, "import");
    expected = plain;
    expected.origin = ORIGIN_IMPORT;
    expect_event(text, &data, &expected);
    bytes_release(&data);
}

static void test_null_where_an_event_needs_a_value_has_a_reason(void **state) {
    (void)state;
    static const char *const text = "at ['null','long']; from ['null','long']; to ['null','long']";
    struct bytes data = {0};
    put_hex(&data, "00"
                   "0202"
                   "0202");
    expect_reason(text, &data, DATUM_UNFIT, "at is null");
    data.count = 0;
    put_hex(&data, "0202"
                   "00"
                   "0202");
    expect_reason(text, &data, DATUM_UNFIT, "from is null");
    data.count = 0;
    put_hex(&data, "0202"
                   "0202"
                   "00");
    expect_reason(text, &data, DATUM_UNFIT, "to is null");
    bytes_release(&data);
}

static void test_symbols_in_another_order_are_read_by_name(void **state) {
    (void)state;
    static const char *const text =
        "at long; from long; to long; "
        "kind {'type':'enum','name':'k','symbols':['renamed','connect','disconnect']}; "
        "origin {'type':'enum','name':'o','symbols':['import','bought','unknown']}";
    static const struct {
        int64_t kind;
        int64_t origin;
        struct event event;
    } cases[] = {{1, 0, {.kind = EVENT_CONNECT, .origin = ORIGIN_IMPORT}},
                 {2, 2, {.kind = EVENT_DISCONNECT, .origin = ORIGIN_UNKNOWN}}};
    struct bytes data = {0};
    for (size_t i = 0; i < 2; i++) {
        struct event expected = plain;
        expected.kind = cases[i].event.kind;
        expected.origin = cases[i].event.origin;
        data.count = 0;
        put_essentials(&data);
        put_long(&data, cases[i].kind);
        put_long(&data, cases[i].origin);
        expect_event(text, &data, &expected);
    }
    data.count = 0;
    put_essentials(&data);
    put_hex(&data, "0000");
    expect_reason(text, &data, DATUM_UNFIT, "kind is \"renamed\": connect or disconnect");
    data.count -= 2;
    put_hex(&data, "0202");
    expect_reason(text, &data, DATUM_UNFIT, "origin is \"bought\"");
    data.count -= 2;
    put_hex(&data, "0600");
    expect_reason(text, &data, DATUM_UNFIT,
                  "field \"kind\": a symbol that the enum does not have (3)");
    bytes_release(&data);
}

static void test_enum_that_was_named_before_is_followed(void **state) {
    (void)state;
    struct bytes data = {0};
    put_long(&data, 0);
    put_essentials(&data);
    put_long(&data, 0);
    put_long(&data, 1);
    put_long(&data, 2);
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expected.origin = ORIGIN_ORGANIC;
    expect_event("old {'type':'enum','name':'k','symbols':['disconnect','connect']}; at long; "
                 "from long; to long; kind k; "
                 "other {'type':'enum','name':'o','symbols':['x','y','organic']}; origin o",
                 &data, &expected);
    data.count = 0;
    put_long(&data, 0);
    put_essentials(&data);
    put_long(&data, 1);
    put_long(&data, 0);
    expected.origin = ORIGIN_UNKNOWN;
    expect_event("old {'type':'enum','name':'k','symbols':['disconnect','connect']}; at long; "
                 "from long; to long; kind ['null','other.k']",
                 &data, &expected);
    bytes_release(&data);
}

static void test_empty_namespace_is_none(void **state) {
    (void)state;
    struct bytes data = {0};
    put_essentials(&data);
    put_long(&data, 1);
    put_long(&data, 0);
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expect_event("{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"\",\"fields\":["
                 "{\"name\":\"at\",\"type\":\"long\"},{\"name\":\"from\",\"type\":\"long\"},"
                 "{\"name\":\"to\",\"type\":\"long\"},{\"name\":\"old\",\"type\":{\"type\":"
                 "\"enum\",\"name\":\"k\",\"symbols\":[\"disconnect\",\"connect\"]}},"
                 "{\"name\":\"kind\",\"type\":\"k\"}]}",
                 &data, &expected);
    bytes_release(&data);
}

static void test_kind_and_origin_may_be_strings(void **state) {
    (void)state;
    static const char *const text = "at long; from long; to long; kind string; origin string";
    struct bytes data = {0};
    put_essentials(&data);
    put_string(&data, "disconnect");
    put_string(&data, "recommended");
    struct event expected = plain;
    expected.kind = EVENT_DISCONNECT;
    expected.origin = ORIGIN_RECOMMENDED;
    expect_event(text, &data, &expected);
    data.count = 0;
    put_essentials(&data);
    put_string(&data, "Connect");
    put_string(&data, "");
    expect_reason(text, &data, DATUM_UNFIT, "kind is \"Connect\"");
    data.count = 0;
    put_essentials(&data);
    put_long(&data, 8);
    put_raw(&data, "connect\0", 8); /* a NUL behind the name is not the name */
    put_string(&data, "");
    expect_reason(text, &data, DATUM_UNFIT, "kind is \"connect");
    bytes_release(&data);
}

static void test_times_out_of_range_have_a_reason(void **state) {
    (void)state;
    struct bytes data = {0};
    put_long(&data, LIMIT_TIME_MAX_MS + 1);
    put_long(&data, 1);
    put_long(&data, 2);
    expect_reason("at long; from long; to long", &data, DATUM_UNFIT,
                  "at is 253402300800000: outside the years");
    bytes_release(&data);
}

static void test_random_events_come_back_through_another_schema(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    avro_events(events, COUNT, 3);
    struct writer_schema *schema =
        opened("to ['null','long']; note string; "
               "kind {'type':'enum','name':'k','symbols':['connect','disconnect']}; from long; "
               "origin ['string','null']; at long");
    for (size_t i = 0; i < COUNT; i++) {
        struct bytes data = {0};
        struct event event;
        size_t used;
        put_long(&data, 1);
        put_long(&data, (int64_t)events[i].to.v);
        put_string(&data, "note");
        put_long(&data, 1 - events[i].kind);
        put_long(&data, (int64_t)events[i].from.v);
        put_long(&data, events[i].origin == ORIGIN_UNKNOWN);
        if (events[i].origin != ORIGIN_UNKNOWN) {
            put_string(&data, event_origin_name(events[i].origin));
        }
        put_long(&data, events[i].at_ms);
        assert_int_equal(decode(schema, &data, &event, &used), DATUM_EVENT);
        assert_int_equal(used, data.count);
        assert_same_event(&event, &events[i]);
        bytes_release(&data);
    }
    writer_schema_free(schema);
    free(events);
}

/* ---- what cannot be read ---- */

static void test_schemas_that_are_no_connections_are_refused_with_the_field(void **state) {
    (void)state;
    refused("\"long\"", "it is of type long: a record with the fields at, from and to is expected");
    refused("[\"null\",{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"at\","
            "\"type\":\"long\"}]}]",
            "it is of type union: a record");
    refused("at long; from long", "the field \"to\" is missing: a connection has at, from and to");
    refused("x long", "the field \"at\" is missing");
    refused("at string; from long; to long",
            "field \"at\" is of type string: long or int is expected");
    refused("at long; from double; to long",
            "field \"from\" is of type double: long or int is expected");
    refused("at long; from long; to ['null','long','string']",
            "field \"to\" may be of type string: long or int is expected, alone or in a union");
    refused("at long; from ['null']; to long",
            "field \"from\" is always null: long or int is expected");
    refused("at long; from long; to long; kind int",
            "field \"kind\" is of type int: an enum or string is expected");
    refused("at long; from long; to long; origin ['null','bytes']",
            "field \"origin\" may be of type bytes: an enum or string is expected");
    refused("at {'type':'long','logicalType':'timestamp-micros'}; from long; to long",
            "field \"at\": its logical type is timestamp-micros");
}

static void test_texts_that_are_no_schemas_are_refused(void **state) {
    (void)state;
    refused("", "not JSON");
    refused("{\"type\":\"record\"}", "has no valid name");
    refused("at long; from long; to long; x unheard_of", "field \"x\": the type");
}

/* ---- hostile data ---- */

static void test_data_that_lie_in_extra_fields_are_broken(void **state) {
    (void)state;
    static const char *const text =
        "nulls {'type':'array','items':'null'}; map {'type':'map','values':'long'}; "
        "tree ['null',{'type':'record','name':'tree','fields':[{'name':'t','type':['null',"
        "'tree']}]}]; s string; at long; from long; to long";
    struct bytes data = {0};
    put_long(&data, INT64_C(1) << 62);
    put_long(&data, 0);
    expect_reason(text, &data, DATUM_BROKEN,
                  "field \"nulls\": more items than so few bytes can mean");
    data.count = 0;
    put_long(&data, INT64_MIN);
    put_long(&data, 0);
    expect_reason(text, &data, DATUM_BROKEN, "field \"nulls\": a block of items that claims more");
    data.count = 0;
    put_long(&data, 0);
    put_long(&data, INT64_C(1) << 60);
    expect_reason(text, &data, DATUM_BROKEN, "field \"map\": the datum is cut off");
    data.count = 0;
    put_hex(&data, "0000");
    for (size_t i = 0; i < 100000; i++) {
        put_long(&data, 1);
    }
    expect_reason(text, &data, DATUM_BROKEN, "field \"tree\": the datum nests too deep");
    data.count = 0;
    put_hex(&data, "000000");
    put_long(&data, INT64_MAX);
    expect_reason(text, &data, DATUM_BROKEN, "field \"s\": the datum is cut off");
    bytes_release(&data);
}

static void test_datum_cut_at_any_byte_or_with_any_bit_flipped_does_no_harm(void **state) {
    (void)state;
    struct writer_schema *schema =
        opened("tags {'type':'map','values':['null','string']}; to ['null','long']; at long; "
               "kind string; from int");
    struct bytes data = {0};
    put_long(&data, -2); /* two tags in seven bytes */
    put_long(&data, 7);
    put_string(&data, "a");
    put_long(&data, 0);
    put_string(&data, "b");
    put_long(&data, 1);
    put_string(&data, "");
    put_long(&data, 0);
    put_long(&data, 1);
    put_long(&data, 8);
    put_long(&data, 1000);
    put_string(&data, "connect");
    put_long(&data, 7);
    struct event event;
    size_t used;
    assert_int_equal(decode(schema, &data, &event, &used), DATUM_EVENT);
    assert_same_event(&event, &plain);
    for (size_t bit = 0; bit < 8 * data.count; bit++) {
        data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        (void)decode(schema, &data, &event, &used);
        assert_true(used <= data.count);
        data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    while (data.count > 0) {
        data.count--;
        assert_int_equal(decode(schema, &data, &event, &used), DATUM_BROKEN);
    }
    bytes_release(&data);
    writer_schema_free(schema);
}

static void test_bad_data_do_not_show_in_the_data_after_them(void **state) {
    (void)state;
    struct writer_schema *schema = opened("at long; from long; to long; kind ['null','string']");
    struct bytes good = {0};
    struct bytes bad = {0};
    struct event event;
    size_t used;
    put_essentials(&good);
    put_long(&good, 0);
    put_essentials(&bad);
    put_long(&bad, 1);
    put_string(&bad, "disconnected");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(decode(schema, &bad, &event, &used), DATUM_UNFIT);
        assert_int_equal(decode(schema, &good, &event, &used), DATUM_EVENT);
        assert_same_event(&event, &plain);
    }
    bytes_release(&good);
    bytes_release(&bad);
    writer_schema_free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_schema_is_known_whatever_it_calls_its_types),
        cmocka_unit_test(test_schemas_that_differ_anywhere_are_not_taken_for_ours),
        cmocka_unit_test(test_other_order_of_fields_is_read_right),
        cmocka_unit_test(test_missing_optional_fields_take_their_defaults),
        cmocka_unit_test(test_extra_fields_of_every_type_are_passed_over),
        cmocka_unit_test(test_types_that_hold_themselves_are_passed_over),
        cmocka_unit_test(test_record_that_holds_itself_is_read),
        cmocka_unit_test(test_int_is_promoted_to_long),
        cmocka_unit_test(test_unions_with_null_are_read_in_any_order),
        cmocka_unit_test(test_null_where_an_event_needs_a_value_has_a_reason),
        cmocka_unit_test(test_symbols_in_another_order_are_read_by_name),
        cmocka_unit_test(test_enum_that_was_named_before_is_followed),
        cmocka_unit_test(test_empty_namespace_is_none),
        cmocka_unit_test(test_kind_and_origin_may_be_strings),
        cmocka_unit_test(test_times_out_of_range_have_a_reason),
        cmocka_unit_test(test_random_events_come_back_through_another_schema),
        cmocka_unit_test(test_schemas_that_are_no_connections_are_refused_with_the_field),
        cmocka_unit_test(test_texts_that_are_no_schemas_are_refused),
        cmocka_unit_test(test_data_that_lie_in_extra_fields_are_broken),
        cmocka_unit_test(test_datum_cut_at_any_byte_or_with_any_bit_flipped_does_no_harm),
        cmocka_unit_test(test_bad_data_do_not_show_in_the_data_after_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
