/* Sending, against a Kafka in this file: a list of committed records, the open transaction, the
 * mark, and a place to fail at. The functions here stand before those of the library, of which
 * nothing is linked. */
#include "pipeline/emit.h"

#include "schemas/tables.h"
#include "stages/base/checksum.h"
#include "stages/base/number.h"
#include "stages/base/stream.h"
#include "stages/kafka/kafka_consumer.h"
#include "stages/kafka/kafka_producer.h"
#include "stages/sink/outbox.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum failing_at {
    AT_NOTHING,
    AT_BEGIN,
    AT_PUT,
    AT_COMMIT,       /* which has no effect */
    AT_COMMIT_REPLY, /* it takes effect, and the answer is lost */
};

enum { SENT_MAX = 64, SENT_BYTES = 64 };

struct sent {
    char topic[SENT_BYTES];
    char key[SENT_BYTES];
    uint8_t value[SENT_BYTES];
    size_t value_bytes;
    size_t header_count;
    char header_value[SENT_BYTES]; /* of the first */
};

struct kafka {
    struct sent sent[SENT_MAX];
    size_t committed;
    size_t sent_count; /* with those of the open transaction */
    bool is_open;      /* a transaction is */
    size_t transactions;
    bool has_mark;
    struct kafka_mark mark;
    char mark_topic[SENT_BYTES];   /* that it lies with; "": any */
    char marked_topic[SENT_BYTES]; /* asked for last */
    enum failing_at failing_at;
    const char *missing_topic;
    const char *missing_subject;
};

static struct kafka kafka;

/* Addresses to hand out: nobody looks behind them. */
static char producer_place;
static char consumer_place;

static struct status fail_here(enum failing_at at, struct err *err) {
    return kafka.failing_at == at ? err_set(err, FAILURE_BROKER, "the broker is gone")
                                  : status_ok();
}

struct status kafka_producer_open(struct kafka_producer **producer,
                                  const struct kafka_settings *settings,
                                  const struct kafka_producer_options *options, struct err *err) {
    (void)settings;
    (void)err;
    assert_string_equal(options->transactional_id, "t.emit");
    kafka.sent_count = kafka.committed; /* what an earlier producer left is given up */
    kafka.is_open = false;
    *producer = (struct kafka_producer *)(void *)&producer_place;
    return status_ok();
}

void kafka_producer_close(struct kafka_producer *producer) {
    (void)producer;
}

struct status kafka_producer_topic(struct kafka_producer *producer, const char *topic,
                                   uint32_t *partitions, struct err *err) {
    (void)producer;
    *partitions = 1;
    return kafka.missing_topic != NULL && strcmp(topic, kafka.missing_topic) == 0
               ? err_set(err, FAILURE_CONFIG, "there is no topic %s", topic)
               : status_ok();
}

struct status kafka_producer_begin(struct kafka_producer *producer, struct err *err) {
    (void)producer;
    TRY(fail_here(AT_BEGIN, err));
    assert_false(kafka.is_open);
    kafka.is_open = true;
    return status_ok();
}

struct status kafka_producer_put(struct kafka_producer *producer,
                                 const struct kafka_message *message, struct err *err) {
    (void)producer;
    assert_true(kafka.is_open);
    if (kafka.sent_count == kafka.committed + 1) { /* the second of the transaction */
        TRY(fail_here(AT_PUT, err));
    }
    assert_true(kafka.sent_count < SENT_MAX && message->value_bytes <= SENT_BYTES);
    assert_int_equal(message->partition, -1);
    struct sent *sent = &kafka.sent[kafka.sent_count++];
    *sent =
        (struct sent){.value_bytes = message->value_bytes, .header_count = message->header_count};
    (void)snprintf(sent->topic, SENT_BYTES, "%s", message->topic);
    if (message->key == NULL) {
        (void)snprintf(sent->key, SENT_BYTES, "none");
    } else {
        (void)snprintf(sent->key, SENT_BYTES, "%.*s", (int)message->key_bytes,
                       (const char *)message->key);
    }
    if (message->value != NULL) {
        memcpy(sent->value, message->value, message->value_bytes);
    }
    if (message->header_count != 0) {
        (void)snprintf(sent->header_value, SENT_BYTES, "%s=%.*s", message->headers[0].name,
                       (int)message->headers[0].value_bytes,
                       (const char *)message->headers[0].value);
    }
    return status_ok();
}

struct status kafka_producer_commit(struct kafka_producer *producer, const char *group,
                                    const char *mark_topic, const struct kafka_mark *mark,
                                    struct err *err) {
    (void)producer;
    assert_true(kafka.is_open);
    assert_string_equal(group, "t.emit");
    TRY(fail_here(AT_COMMIT, err));
    (void)snprintf(kafka.mark_topic, sizeof kafka.mark_topic, "%s", mark_topic);
    kafka.committed = kafka.sent_count;
    kafka.mark = *mark;
    kafka.has_mark = true;
    kafka.is_open = false;
    kafka.transactions++;
    return fail_here(AT_COMMIT_REPLY, err);
}

void kafka_producer_abort(struct kafka_producer *producer) {
    (void)producer;
    kafka.sent_count = kafka.committed;
    kafka.is_open = false;
}

struct status kafka_consumer_open(struct kafka_consumer **consumer,
                                  const struct kafka_settings *settings,
                                  const struct kafka_consumer_options *options, struct err *err) {
    (void)settings;
    (void)err;
    assert_string_equal(options->group, "t.emit");
    *consumer = (struct kafka_consumer *)(void *)&consumer_place;
    return status_ok();
}

void kafka_consumer_close(struct kafka_consumer *consumer) {
    (void)consumer;
}

struct status kafka_consumer_mark(struct kafka_consumer *consumer, const char *topic,
                                  struct kafka_mark *mark, bool *has, struct err *err) {
    (void)consumer;
    (void)err;
    (void)snprintf(kafka.marked_topic, sizeof kafka.marked_topic, "%s", topic);
    *mark = kafka.mark;
    *has = kafka.has_mark && (kafka.mark_topic[0] == '\0' || strcmp(kafka.mark_topic, topic) == 0);
    return status_ok();
}

/* A schema's id is 258 for any that speaks of ties, else 7. */
struct status schema_registry_put(struct schema_registry *registry, const char *subject,
                                  const char *schema, uint32_t *id, struct err *err) {
    (void)registry;
    *id = strstr(schema, "Ties") != NULL ? 258 : 7;
    return kafka.missing_subject != NULL && strcmp(subject, kafka.missing_subject) == 0
               ? err_set(err, FAILURE_CONFIG, "there is no schema for %s", subject)
               : status_ok();
}

/* --- published dates --- */

static const uint64_t run_id = UINT64_C(0xabcdef0123456789);

/* Days since 1970 of 2026-01-01. */
enum { FIRST_DAY = 20454 };

static void date_folder(void **state, int day, char path[SCRATCH_PATH_BYTES]) {
    char name[32];
    char date[DATE_TEXT_BYTES];
    date_format((FIRST_DAY + day) * DAY_MS, date);
    (void)snprintf(name, sizeof name, "date=%s", date);
    scratch_path(state, name, path);
}

static void outbox_path(void **state, int day, const char *name, char path[SCRATCH_PATH_BYTES]) {
    char folder[SCRATCH_PATH_BYTES];
    date_folder(state, day, folder);
    int length = snprintf(path, SCRATCH_PATH_BYTES, "%.400s/%s%s", folder, name, outbox_ending);
    assert_in_range(length, 1, SCRATCH_PATH_BYTES - 1);
}

static void outbox_make(void **state, int day, uint64_t run, const char *name, const char *schema,
                        const struct outbox_record *records, size_t count) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct output *output;
    struct outbox_writer *writer;
    struct outbox_head head = {
        .name = name, .date_ms = (FIRST_DAY + day) * DAY_MS, .run_id = run, .schema = schema};
    outbox_path(state, day, name, path);
    MUST(output_open(&output, path, false, &err));
    MUST(outbox_writer_new(&writer, output, &head, &err));
    for (size_t i = 0; i < count; i++) {
        MUST(outbox_put(writer, &records[i], &err));
    }
    MUST(outbox_end(writer, &err));
    outbox_writer_free(writer);
    MUST(output_commit(output, NULL, NULL, &err));
}

static void manifest_make(void **state, int day, uint64_t run) {
    char folder[SCRATCH_PATH_BYTES];
    char path[SCRATCH_PATH_BYTES];
    char text[128];
    char id[CHECKSUM_TEXT_BYTES];
    date_folder(state, day, folder);
    checksum_format(run, id);
    (void)snprintf(path, sizeof path, "%.400s/manifest.json", folder);
    (void)snprintf(text, sizeof text, "{\"tieflow_tables\": 1, \"run_id\": \"%s\"}\n", id);
    scratch_put_text(path, text);
}

static const struct outbox_record tie_records[] = {
    {.key = "1:2", .key_bytes = 3, .value = "tie", .value_bytes = 3},
    {.key = "3:4", .key_bytes = 3, .value = "", .value_bytes = 0},
};

/* A date as its run leaves it: two ties, no ending, a manifest. */
static void date_make(void **state, int day, uint64_t run) {
    struct err err;
    char folder[SCRATCH_PATH_BYTES];
    date_folder(state, day, folder);
    MUST(folder_make(folder, &err));
    outbox_make(state, day, run, "ties", "\"Ties\"", tie_records, 2);
    outbox_make(state, day, run, "endings", "\"Endings\"", NULL, 0);
    manifest_make(state, day, run);
}

enum { DATE_OUTBOXES = 2 };

static size_t outboxes_left(void **state) {
    struct err err;
    struct names names = {0};
    size_t count = 0;
    for (int day = 0; day < 3; day++) {
        char folder[SCRATCH_PATH_BYTES];
        date_folder(state, day, folder);
        if (folder_exists(folder)) {
            MUST(folder_list(folder, &names, &err));
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        count += strstr(names.items[i], outbox_ending) != NULL ? 1 : 0;
    }
    names_release(&names);
    return count;
}

static void outboxes_remove(void **state, int day) {
    struct names names = {0};
    struct err err;
    char folder[SCRATCH_PATH_BYTES];
    date_folder(state, day, folder);
    MUST(folder_list(folder, &names, &err));
    for (size_t i = 0; i < names.count; i++) {
        if (strstr(names.items[i], outbox_ending) != NULL) {
            char *path;
            MUST(path_join(&path, folder, names.items[i], &err));
            assert_int_equal(unlink(path), 0);
            free(path);
        }
    }
    names_release(&names);
}

/* --- runs --- */

static struct status emit_open_here(struct emit **emit, const char *dead_letter_topic,
                                    struct err *err) {
    struct emit_options options = {
        .prefix = "t.", .has_tables = true, .dead_letter_topic = dead_letter_topic};
    return emit_open(emit, &options, err);
}

/* What a run does: sends everything that there is. */
static struct status run(void **state, const char *dead_letter_topic, struct err *err) {
    struct emit *emit;
    struct progress progress;
    progress_init(&progress, PROGRESS_QUIET);
    struct status status = emit_open_here(&emit, dead_letter_topic, err);
    assert_false(failed(status));
    status = emit_all(emit, *state, &progress, err);
    emit_close(emit);
    assert_false(kafka.is_open);
    return status;
}

static int kafka_make(void **state) {
    kafka = (struct kafka){0};
    return scratch_make(state);
}

static void assert_two_ties_are_there(size_t first) {
    static const uint8_t framed[] = {0, 0, 0, 1, 2, 't', 'i', 'e'};
    assert_string_equal(kafka.sent[first].topic, "t.ties");
    assert_string_equal(kafka.sent[first].key, "1:2");
    assert_int_equal(kafka.sent[first].value_bytes, sizeof framed);
    assert_memory_equal(kafka.sent[first].value, framed, sizeof framed);
    assert_string_equal(kafka.sent[first + 1].key, "3:4");
    assert_int_equal(kafka.sent[first + 1].value_bytes, 5);
}

static void test_date_goes_out_framed_in_one_transaction_and_its_outboxes_go(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    MUST(run(state, NULL, &err));
    assert_int_equal(kafka.committed, 2);
    assert_int_equal(kafka.transactions, 1);
    assert_two_ties_are_there(0);
    assert_int_equal(kafka.mark.number, FIRST_DAY + 719162); /* days from year 1 to 1970 */
    assert_string_equal(kafka.mark.text, "abcdef0123456789");
    assert_int_equal(outboxes_left(state), 0);
    struct emit *emit;
    struct emit_mark mark;
    MUST(emit_open_here(&emit, NULL, &err));
    MUST(emit_mark_get(emit, &mark, &err));
    assert_true(mark.is_set);
    assert_int_equal(mark.date_ms, FIRST_DAY * DAY_MS);
    assert_int_equal(mark.run_id, run_id);
    assert_string_equal(kafka.marked_topic, "t.ties");
    emit_close(emit);
    emit_close(NULL);
}

static void test_without_tables_the_mark_lies_with_the_dead_letters(void **state) {
    struct err err;
    struct emit *emit;
    const struct emit_options options = {.prefix = "t.", .dead_letter_topic = "letters"};
    (void)state;
    kafka.missing_topic = "t.ties"; /* and is not asked for */
    MUST(emit_open(&emit, &options, &err));
    struct emit_mark mark;
    MUST(emit_mark_get(emit, &mark, &err));
    assert_string_equal(kafka.marked_topic, "letters");
    emit_close(emit);
}

static void test_no_mark_before_the_first_date(void **state) {
    (void)state;
    struct err err;
    struct emit *emit;
    struct emit_mark mark;
    MUST(emit_open_here(&emit, NULL, &err));
    MUST(emit_mark_get(emit, &mark, &err));
    assert_false(mark.is_set);
    emit_close(emit);
}

static void test_date_without_outboxes_is_none_of_our_business(void **state) {
    struct err err;
    struct emit *emit;
    struct progress progress;
    char folder[SCRATCH_PATH_BYTES];
    progress_init(&progress, PROGRESS_QUIET);
    date_folder(state, 0, folder);
    MUST(folder_make(folder, &err));
    MUST(emit_open_here(&emit, NULL, &err));
    MUST(emit_date(emit, folder, FIRST_DAY * DAY_MS, &progress, &err));
    emit_close(emit);
    assert_int_equal(kafka.transactions, 0);
}

static void test_crash_behind_the_commit_sends_nothing_twice(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    MUST(run(state, NULL, &err));
    date_make(state, 0, run_id); /* as if the outboxes had not been removed */
    MUST(run(state, NULL, &err));
    assert_int_equal(kafka.committed, 2);
    assert_int_equal(kafka.transactions, 1);
    assert_int_equal(outboxes_left(state), 0);
}

static void test_crash_between_two_removals_sends_nothing_twice(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    MUST(run(state, NULL, &err));
    outbox_make(state, 0, run_id, "ties", "\"Ties\"", tie_records, 2);
    MUST(run(state, NULL, &err));
    assert_int_equal(kafka.committed, 2);
    assert_int_equal(outboxes_left(state), 0);
}

static void test_failure_before_the_commit_leaves_all_to_the_next_run(void **state) {
    static const enum failing_at places[] = {AT_BEGIN, AT_PUT, AT_COMMIT};
    struct err err;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        kafka = (struct kafka){.failing_at = places[i]};
        date_make(state, 0, run_id);
        MUST_FAIL(run(state, NULL, &err), FAILURE_BROKER, "the broker is gone");
        assert_non_null(strstr(err.text, "date=2026-01-01"));
        assert_int_equal(kafka.committed, 0);
        assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
        kafka.failing_at = AT_NOTHING;
        MUST(run(state, NULL, &err));
        assert_int_equal(kafka.committed, 2);
        assert_int_equal(outboxes_left(state), 0);
    }
}

static void test_commit_whose_answer_is_lost_is_known_by_its_mark(void **state) {
    struct err err;
    kafka.failing_at = AT_COMMIT_REPLY;
    date_make(state, 0, run_id);
    MUST_FAIL(run(state, NULL, &err), FAILURE_BROKER, "the broker is gone");
    assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
    kafka.failing_at = AT_NOTHING;
    MUST(run(state, NULL, &err));
    assert_int_equal(kafka.committed, 2);
    assert_int_equal(kafka.transactions, 1);
    assert_int_equal(outboxes_left(state), 0);
}

static void test_dates_go_out_in_their_order_each_in_its_transaction(void **state) {
    struct err err;
    char other[SCRATCH_PATH_BYTES];
    struct names dates = {0};
    date_make(state, 1, run_id + 1);
    date_make(state, 0, run_id);
    scratch_path(state, "date=soon", other);
    MUST(folder_make(other, &err));
    scratch_path(state, ".staging-2026-01-09", other);
    MUST(folder_make(other, &err));
    MUST(emit_pending(*state, &dates, &err));
    assert_int_equal(dates.count, 2);
    assert_string_equal(dates.items[0], "2026-01-01");
    assert_string_equal(dates.items[1], "2026-01-02");
    names_release(&dates);
    MUST(run(state, NULL, &err));
    assert_int_equal(kafka.transactions, 2);
    assert_two_ties_are_there(0);
    assert_two_ties_are_there(2);
    assert_int_equal(kafka.mark.number, FIRST_DAY + 1 + 719162);
}

static void test_mark_of_another_history_is_refused_and_nothing_is_removed(void **state) {
    struct err err;
    date_make(state, 1, run_id);
    MUST(run(state, NULL, &err));
    date_make(state, 1, run_id + 1);
    MUST_FAIL(run(state, NULL, &err), FAILURE_CONFIG, "another history; say another --emit-prefix");
    assert_non_null(strstr(err.text, "2026-01-02 of run abcdef012345678a"));
    date_make(state, 0, run_id);
    MUST_FAIL(run(state, NULL, &err), FAILURE_CONFIG,
              "already hold 2026-01-02 of run abcdef0123456789");
    assert_int_equal(kafka.committed, 2);
    assert_int_equal(outboxes_left(state), 2 * DATE_OUTBOXES);
}

static void test_mark_that_is_not_ours_is_refused(void **state) {
    static const struct kafka_mark foreign[] = {
        {.number = FIRST_DAY, .text = ""},
        {.number = FIRST_DAY, .text = "ABCDEF0123456789"},
        {.number = INT64_C(4000000), .text = "abcdef0123456789"},
    };
    struct err err;
    date_make(state, 1, run_id);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        kafka.has_mark = true;
        kafka.mark = foreign[i];
        MUST_FAIL(run(state, NULL, &err), FAILURE_CONFIG, "another program uses this group");
        assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
    }
}

static const struct kafka_header connect_header = {
    .name = "__connect.errors.topic", .value = "connections", .value_bytes = 11};
static const struct outbox_record dead_letter = {
    .value = "\0bad", .value_bytes = 4, .headers = &connect_header, .header_count = 1};

static void test_dead_letters_go_to_their_topic_as_they_came(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    outbox_make(state, 0, run_id, outbox_dead_letters, NULL, &dead_letter, 1);
    MUST(run(state, "t.dead", &err));
    assert_int_equal(kafka.committed, 3);
    assert_int_equal(kafka.transactions, 1);
    const struct sent *sent = &kafka.sent[0]; /* files go by their names */
    assert_string_equal(sent->topic, "t.dead");
    assert_string_equal(sent->key, "none");
    assert_int_equal(sent->value_bytes, 4);
    assert_memory_equal(sent->value, "\0bad", 4);
    assert_int_equal(sent->header_count, 1);
    assert_string_equal(sent->header_value, "__connect.errors.topic=connections");
}

static void test_dead_letters_without_a_topic_are_refused(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    outbox_make(state, 0, run_id, outbox_dead_letters, NULL, &dead_letter, 1);
    MUST_FAIL(run(state, NULL, &err), FAILURE_CONFIG, "--dead-letters");
    assert_int_equal(kafka.committed, 0);
    assert_int_equal(outboxes_left(state), DATE_OUTBOXES + 1);
}

/* A run whose options send nothing but dead letters. */
static struct status run_letters_alone(void **state, struct err *err) {
    const struct emit_options options = {.prefix = "t.", .dead_letter_topic = "t.dead"};
    struct emit *emit;
    struct progress progress;
    progress_init(&progress, PROGRESS_QUIET);
    struct status status = emit_open(&emit, &options, err);
    assert_false(failed(status));
    status = emit_all(emit, *state, &progress, err);
    emit_close(emit);
    return status;
}

static void test_letters_that_went_out_alone_are_known_to_a_run_that_sends_tables(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    outboxes_remove(state, 0);
    outbox_make(state, 0, run_id, outbox_dead_letters, NULL, &dead_letter, 1);
    kafka.failing_at = AT_COMMIT_REPLY;
    MUST_FAIL(run_letters_alone(state, &err), FAILURE_BROKER, "the broker is gone");
    assert_string_equal(kafka.mark_topic, "t.dead");
    kafka.failing_at = AT_NOTHING;
    MUST(run(state, "t.dead", &err));
    assert_int_equal(kafka.committed, 1);
    assert_int_equal(outboxes_left(state), 0);
}

static void test_tables_that_wait_are_not_sent_by_a_run_without_them(void **state) {
    struct err err;
    date_make(state, 0, run_id);
    MUST_FAIL(run_letters_alone(state, &err), FAILURE_CONFIG, "--emit kafka");
    assert_int_equal(kafka.committed, 0);
    assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
    MUST(run(state, NULL, &err));
    assert_string_equal(kafka.mark_topic, "t.ties");
}

static void test_damaged_outbox_is_found_before_anything_is_sent(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    uint8_t data[4096];
    date_make(state, 0, run_id);
    outbox_path(state, 0, "ties", path); /* the last of them to be sent */
    size_t count = scratch_get(path, data, sizeof data);
    scratch_put(path, data, count - 1);
    kafka.failing_at = AT_BEGIN;
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "ties.outbox");
    assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
}

static void test_outbox_of_another_run_or_date_or_without_schema_is_refused(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    date_make(state, 0, run_id);
    outbox_make(state, 0, run_id + 1, "ties", "\"Ties\"", tie_records, 2);
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "ties.outbox: its records are not those");
    outbox_make(state, 0, run_id, "ties", NULL, tie_records, 2);
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "ties.outbox: its records are not those");
    date_make(state, 1, run_id);
    uint8_t data[4096];
    outbox_path(state, 1, "ties", path);
    size_t count = scratch_get(path, data, sizeof data);
    outbox_path(state, 0, "ties", path);
    scratch_put(path, data, count);
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "ties.outbox: its records are not those");
    assert_int_equal(kafka.transactions, 0);
}

static void test_folder_without_a_sound_manifest_is_refused(void **state) {
    struct err err;
    char folder[SCRATCH_PATH_BYTES];
    char path[SCRATCH_PATH_BYTES];
    date_make(state, 0, run_id);
    date_folder(state, 0, folder);
    (void)snprintf(path, sizeof path, "%.400s/manifest.json", folder);
    scratch_put_text(path, "{\"run_id\": 7}");
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "manifest.json: has no run_id");
    scratch_put_text(path, "{\"run_id\": \"abcdef01");
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "2026-01-01/manifest.json: ");
    (void)remove(path);
    MUST_FAIL(run(state, NULL, &err), FAILURE_DATA, "no manifest.json");
    assert_int_equal(kafka.transactions, 0);
    assert_int_equal(outboxes_left(state), DATE_OUTBOXES);
}

static void test_missing_topics_and_schemas_are_found_at_the_open(void **state) {
    (void)state;
    struct err err;
    struct emit *emit;
    static const char *const topics[] = {"t.ties", "t.quality", "t.dead"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        kafka.missing_topic = topics[i];
        MUST_FAIL(emit_open_here(&emit, "t.dead", &err), FAILURE_CONFIG, topics[i]);
        assert_null(emit);
    }
    kafka.missing_topic = NULL;
    kafka.missing_subject = "t.late-value";
    MUST_FAIL(emit_open_here(&emit, NULL, &err), FAILURE_CONFIG, "t.late-value");
    assert_null(emit);
}

static void test_prefix_that_names_no_topic_is_refused(void **state) {
    (void)state;
    struct err err;
    struct emit *emit;
    char long_one[250];
    memset(long_one, 'x', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    const char *const prefixes[] = {"a b", "a/", "\xc3\xa4", long_one};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct emit_options options = {.prefix = prefixes[i], .has_tables = true};
        MUST_FAIL(emit_open(&emit, &options, &err), FAILURE_CONFIG, "--emit-prefix");
        assert_null(emit);
    }
}

static void test_topic_of_dead_letters_with_a_name_too_long_is_refused(void **state) {
    (void)state;
    struct err err;
    struct emit *emit;
    char long_one[251];
    memset(long_one, 'x', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    const struct emit_options options = {.prefix = "t.", .dead_letter_topic = long_one};
    MUST_FAIL(emit_open(&emit, &options, &err), FAILURE_CONFIG, "--dead-letters");
    assert_null(emit);
}

#define WITH_KAFKA(test) cmocka_unit_test_setup_teardown(test, kafka_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_KAFKA(test_date_goes_out_framed_in_one_transaction_and_its_outboxes_go),
        WITH_KAFKA(test_without_tables_the_mark_lies_with_the_dead_letters),
        WITH_KAFKA(test_no_mark_before_the_first_date),
        WITH_KAFKA(test_date_without_outboxes_is_none_of_our_business),
        WITH_KAFKA(test_crash_behind_the_commit_sends_nothing_twice),
        WITH_KAFKA(test_crash_between_two_removals_sends_nothing_twice),
        WITH_KAFKA(test_failure_before_the_commit_leaves_all_to_the_next_run),
        WITH_KAFKA(test_commit_whose_answer_is_lost_is_known_by_its_mark),
        WITH_KAFKA(test_dates_go_out_in_their_order_each_in_its_transaction),
        WITH_KAFKA(test_mark_of_another_history_is_refused_and_nothing_is_removed),
        WITH_KAFKA(test_mark_that_is_not_ours_is_refused),
        WITH_KAFKA(test_dead_letters_go_to_their_topic_as_they_came),
        WITH_KAFKA(test_dead_letters_without_a_topic_are_refused),
        WITH_KAFKA(test_letters_that_went_out_alone_are_known_to_a_run_that_sends_tables),
        WITH_KAFKA(test_tables_that_wait_are_not_sent_by_a_run_without_them),
        WITH_KAFKA(test_damaged_outbox_is_found_before_anything_is_sent),
        WITH_KAFKA(test_outbox_of_another_run_or_date_or_without_schema_is_refused),
        WITH_KAFKA(test_folder_without_a_sound_manifest_is_refused),
        WITH_KAFKA(test_missing_topics_and_schemas_are_found_at_the_open),
        WITH_KAFKA(test_prefix_that_names_no_topic_is_refused),
        WITH_KAFKA(test_topic_of_dead_letters_with_a_name_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
