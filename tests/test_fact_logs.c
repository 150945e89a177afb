/* The logs beside the connections from files and topics into tables: once, night by night, and once
 * more. */
#include "pipeline/fact_logs.h"

#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/kafka/kafka_producer.h"
#include "stages/state/rest.h"
#include "tests/mock_cluster.h"
#include "tests/state_testing.h"

#include <inttypes.h>

static struct err err;

/* ---- logs once ---- */

static struct progress quiet(void) {
    struct progress progress;
    progress_init(&progress, PROGRESS_QUIET);
    return progress;
}

static void log_put(void **folder, const char *name, const char *text) {
    char path[SCRATCH_PATH_BYTES];
    scratch_path(folder, name, path);
    scratch_put(path, text, strlen(text));
}

/* The set of the files named, each in the scratch folder; names end with NULL. */
static struct file_set set_of(void **folder, const char *const *names) {
    struct names paths = {0};
    struct file_set set = {0};
    for (; *names != NULL; names++) {
        char path[SCRATCH_PATH_BYTES];
        scratch_path(folder, *names, path);
        MUST(names_add(&paths, path, &err));
    }
    MUST(file_set_find(&set, &paths, &err));
    names_release(&paths);
    return set;
}

/* Reads one file as one log, all by itself. */
static struct status read_alone(void **folder, struct facts *facts, enum fact_log log,
                                const char *name, const struct facts_options *options) {
    struct progress progress = quiet();
    const char *const names[] = {name, NULL};
    struct file_set set = set_of(folder, names);
    MUST(facts_begin(facts, options, NULL, &progress, &err));
    struct status status = facts_read(facts, log, &set, &err);
    file_set_release(&set);
    return status;
}

static const struct facts_options everything = {.until_ms = INT64_MAX, .malformed_share_max = 1};

static void test_every_record_goes_to_one_place_and_is_counted(void **state) {
    log_put(state, "likes.csv",
            "at,from,to,kind\n5,1,2,like\n5,1,2,like\n5,2,1,like\nx,1,2,like\n7,3,3,like\n"
            "100,4,4,like\n101,1,2,like\n");
    struct facts facts = {0};
    const struct facts_options options = {.until_ms = 100, .malformed_share_max = 1};
    MUST(read_alone(state, &facts, FACT_INTERACTIONS, "likes.csv", &options));
    const struct fact_counts *counts = &facts.counts[FACT_INTERACTIONS];
    assert_true(counts->is_given);
    assert_int_equal(counts->looked, 7);
    assert_int_equal(counts->read, 6);
    assert_int_equal(counts->taken, 3);
    assert_int_equal(counts->malformed, 1);
    assert_int_equal(counts->self_loops, 2);
    assert_int_equal(counts->beyond, 1);
    assert_int_equal(counts->backdated, 0);
    assert_int_equal(facts.tables[FACT_INTERACTIONS].count, 2);
    assert_int_equal(facts.tables[FACT_INTERACTIONS].duplicates, 1);
    assert_int_equal(facts.quarantine.count, 1);
    const struct quarantined *item = &facts.quarantine.items[0];
    assert_string_equal(item->log, "interactions");
    assert_string_equal(item->file, "likes.csv");
    assert_int_equal(item->record, 4);
    assert_string_equal(item->content, "x,1,2,like");
    assert_non_null(strstr(item->reason, "5: at is \"x\""));
    assert_int_equal(facts.extent_counts[FACT_INTERACTIONS], 1);
    assert_int_equal(facts.extents[FACT_INTERACTIONS][0].first, 6);
    assert_int_equal(facts.extents[FACT_INTERACTIONS][0].end, 7);
    assert_int_equal(facts.extents[FACT_INTERACTIONS][0].left, 1);
    assert_false(facts.counts[FACT_POSITIONS].is_given);
    facts_release(&facts);
}

static void test_too_many_malformed_records_of_one_log_fail_the_run(void **state) {
    log_put(state, "a.csv", "at,member\n1,1\n2,1\n3,1\nx,1\n");
    struct facts facts = {0};
    struct facts_options options = {.until_ms = INT64_MAX, .malformed_share_max = 0.25};
    MUST(read_alone(state, &facts, FACT_APPLICATIONS, "a.csv", &options));
    facts_release(&facts);
    options.malformed_share_max = 0.24;
    MUST_FAIL(read_alone(state, &facts, FACT_APPLICATIONS, "a.csv", &options), FAILURE_DATA,
              "a.csv:5: at is \"x\"");
    assert_non_null(strstr(err.text, "1 of 4 records are malformed"));
    facts_release(&facts);
}

static void test_gate_shows_a_record_of_its_own_log(void **state) {
    log_put(state, "a.csv", "at,member\nx,1\n");
    log_put(state, "b.csv", "company\ny\n");
    struct progress progress = quiet();
    struct facts facts = {0};
    const char *const a[] = {"a.csv", NULL};
    const char *const b[] = {"b.csv", NULL};
    struct file_set sets[2] = {set_of(state, a), set_of(state, b)};
    MUST(facts_begin(&facts, &everything, NULL, &progress, &err));
    MUST(facts_read(&facts, FACT_APPLICATIONS, &sets[0], &err));
    facts.options.malformed_share_max = 0.5;
    MUST_FAIL(facts_read(&facts, FACT_COMPANIES, &sets[1], &err), FAILURE_DATA, "b.csv:2: company");
    facts_release(&facts);
    file_set_release(&sets[0]);
    file_set_release(&sets[1]);
}

static void test_newest_record_of_a_member_wins_over_files_in_their_order(void **state) {
    log_put(state, "a.csv", "member,region\n1,10\n2,20\n1,11\n");
    log_put(state, "b.csv", "member,region\n1,\n");
    struct progress progress = quiet();
    struct facts facts = {0};
    const char *const names[] = {"a.csv", "b.csv", NULL};
    struct file_set set = set_of(state, names);
    const struct facts_options options = {.until_ms = INT64_MIN, .malformed_share_max = 0};
    MUST(facts_begin(&facts, &options, NULL, &progress, &err));
    MUST(facts_read(&facts, FACT_MEMBERS, &set, &err));
    const struct fact_table *members = &facts.tables[FACT_MEMBERS];
    assert_int_equal(members->count, 2);
    assert_int_equal(members->duplicates, 2);
    assert_int_equal(members->facts[0].known >> MEMBER_REGION & 1, 0);
    assert_int_equal(members->facts[1].value[MEMBER_REGION], 20);
    assert_int_equal(facts.counts[FACT_MEMBERS].beyond, 0); /* they have no time */
    facts_release(&facts);
    file_set_release(&set);
}

static uint64_t fingerprint_of(void **folder, enum fact_log log, const char *text) {
    struct facts facts = {0};
    uint64_t fingerprint;
    log_put(folder, "f.csv", text);
    MUST(read_alone(folder, &facts, log, "f.csv", &everything));
    MUST(facts_fingerprint(&facts, &fingerprint, &err));
    facts_release(&facts);
    return fingerprint;
}

static void test_fingerprint_is_of_the_records_and_not_of_the_file(void **state) {
    uint64_t one = fingerprint_of(state, FACT_APPLICATIONS, "at,member,count\n1,2,3\n4,5,6\n");
    assert_true(one == fingerprint_of(state, FACT_APPLICATIONS,
                                      "count,member,at\n6,5,4\nx,1,1\n3,2,1\n3,2,1\n"));
    assert_true(one != fingerprint_of(state, FACT_APPLICATIONS, "at,member,count\n1,2,3\n4,5,7\n"));
    assert_true(one != fingerprint_of(state, FACT_APPLICATIONS, "at,member,count\n1,2,3\n"));
    uint64_t unknown = fingerprint_of(state, FACT_MEMBERS, "member,region\n1,\n");
    assert_true(unknown != fingerprint_of(state, FACT_MEMBERS, "member,region\n1,0\n"));
    uint64_t empty = fingerprint_of(state, FACT_MEMBERS, "member\n");
    assert_true(empty == fingerprint_of(state, FACT_COMPANIES, ""));
}

static void test_logs_that_the_options_name_are_read_and_the_others_are_empty(void **state) {
    char folder[SCRATCH_PATH_BYTES];
    char companies[SCRATCH_PATH_BYTES];
    scratch_path(state, "jobs", folder);
    MUST(folder_make(folder, &err));
    log_put(state, "jobs/1.csv", "at,member,company,kind\n1,2,3,start\n");
    log_put(state, "jobs/2.ndjson", "{\"at\":9,\"member\":2,\"company\":3,\"kind\":\"end\"}\n");
    log_put(state, "companies.csv", "company,canonical\n3,4\n");
    scratch_path(state, "companies.csv", companies);
    struct progress progress = quiet();
    struct options options = {.malformed_share_max = 0};
    struct facts facts = {0};
    MUST(names_add(&options.fact_logs[FACT_POSITIONS], folder, &err));
    MUST(names_add(&options.fact_logs[FACT_COMPANIES], companies, &err));
    const struct facts_options how = {.until_ms = 8};
    MUST(facts_read_options(&facts, &options, &how, NULL, &progress, &err));
    assert_int_equal(facts.tables[FACT_POSITIONS].count, 1);
    assert_int_equal(facts.counts[FACT_POSITIONS].beyond, 1);
    assert_int_equal(facts.tables[FACT_COMPANIES].count, 1);
    assert_false(facts.counts[FACT_MEMBERS].is_given);
    facts_release(&facts);
    scratch_path(state, "empty", folder);
    MUST(folder_make(folder, &err));
    MUST(names_add(&options.fact_logs[FACT_MEMBERS], folder, &err));
    MUST_FAIL(facts_read_options(&facts, &options, &how, NULL, &progress, &err), FAILURE_CONFIG,
              "--members: ");
    facts_release(&facts);
    options_release(&options);
}

static void test_what_is_set_aside_moves_to_another_quarantine(void **state) {
    struct facts a = {0};
    struct facts b = {0};
    log_put(state, "a.csv", "at,member\nx,1\ny,1\n");
    MUST(read_alone(state, &a, FACT_APPLICATIONS, "a.csv", &everything));
    MUST(read_alone(state, &b, FACT_APPLICATIONS, "a.csv", &everything));
    MUST(quarantine_move(&a.quarantine, &b.quarantine, &err));
    assert_int_equal(a.quarantine.count, 4);
    assert_int_equal(b.quarantine.count, 0);
    assert_string_equal(a.quarantine.items[3].content, "y,1");
    MUST(quarantine_move(&a.quarantine, &b.quarantine, &err)); /* nothing */
    assert_int_equal(a.quarantine.count, 4);
    facts_release(&a);
    facts_release(&b);
}

/* ---- night by night ---- */

static int64_t night_end_ms(int night) {
    return (night + 1) * DAY_MS - 1;
}

static struct state state_opened(void **folder) {
    char path[SCRATCH_PATH_BYTES];
    struct state state = {0};
    scratch_path(folder, "state", path);
    MUST(state_open(&state, path, true, &err));
    return state;
}

/* Begins the facts of a night, whose generation may be there already: then it is repeated. */
struct night {
    struct state state;
    struct generation previous;
    struct generation repeated;
    struct progress progress;
    struct facts facts;
};

static void night_begin(void **folder, struct night *night, int number) {
    *night = (struct night){.state = state_opened(folder), .progress = quiet()};
    bool is_repeat = state_has(&night->state, number * DAY_MS);
    bool has_previous = state_has(&night->state, (number - 1) * DAY_MS);
    if (has_previous) {
        MUST(state_read(&night->state, (number - 1) * DAY_MS, &night->previous, &err));
    }
    if (is_repeat) {
        MUST(state_read(&night->state, number * DAY_MS, &night->repeated, &err));
    }
    const struct facts_options options = {
        .until_ms = night_end_ms(number),
        .previous = has_previous ? &night->previous : NULL,
        .repeated = is_repeat ? &night->repeated : NULL,
        .malformed_share_max = 1,
    };
    MUST(facts_begin(&night->facts, &options, has_previous ? &night->state : NULL, &night->progress,
                     &err));
}

static void night_commit(struct night *night, int number) {
    struct generation next = {.date_ms = number * DAY_MS, .first_date_ms = number * DAY_MS};
    struct graph graph = {0};
    struct rest_writer adjacency = {0};
    char *path;
    MUST(state_begin(&night->state, &path, &err));
    free(path);
    MUST(rest_writer_open(&adjacency, &night->state, 1, &err));
    MUST(rest_writer_finish(&adjacency, &next, &err));
    rest_writer_release(&adjacency);
    MUST(facts_keep(&night->facts, &next, &err));
    MUST(state_save_facts(&night->state, &next, night->facts.tables, &err));
    MUST(state_commit(&night->state, &next, &graph, &err));
    generation_release(&next);
    graph_release(&graph);
}

static void night_release(struct night *night) {
    facts_release(&night->facts);
    generation_release(&night->previous);
    generation_release(&night->repeated);
    state_close(&night->state);
}

/* A whole night over the files of one log; returns the fingerprint. */
static uint64_t night_run(void **folder, int number, enum fact_log log, const char *const *names,
                          struct fact_counts *counts) {
    struct night night;
    uint64_t fingerprint;
    struct file_set set = set_of(folder, names);
    night_begin(folder, &night, number);
    MUST(facts_read(&night.facts, log, &set, &err));
    MUST(facts_fingerprint(&night.facts, &fingerprint, &err));
    *counts = night.facts.counts[log];
    if (night.facts.options.repeated == NULL) {
        night_commit(&night, number);
    }
    night_release(&night);
    file_set_release(&set);
    return fingerprint;
}

static void test_records_of_later_dates_wait_and_late_reports_are_taken(void **state) {
    static const char *const names[] = {"p.csv", NULL};
    struct fact_counts counts;
    char text[500];
    int length = snprintf(text, sizeof text,
                          "at,member,company,kind\n1,1,1,start\n%" PRId64 ",2,1,start\nx,1,1,end\n"
                          "%" PRId64 ",3,1,start\n",
                          DAY_MS, 2 * DAY_MS);
    log_put(state, "p.csv", text);
    (void)night_run(state, 0, FACT_POSITIONS, names, &counts);
    assert_int_equal(counts.looked, 4);
    assert_int_equal(counts.read, 2);
    assert_int_equal(counts.beyond, 2);
    (void)snprintf(text + length, sizeof text - (size_t)length, "2,4,1,start\n");
    log_put(state, "p.csv", text);
    (void)night_run(state, 1, FACT_POSITIONS, names, &counts);
    assert_int_equal(counts.looked, 1);
    assert_int_equal(counts.read, 4);
    assert_int_equal(counts.taken, 2);
    assert_int_equal(counts.malformed, 1);
    assert_int_equal(counts.beyond, 1);
    assert_int_equal(counts.backdated, 1);
    (void)night_run(state, 2, FACT_POSITIONS, names, &counts);
    assert_int_equal(counts.looked, 0);
    assert_int_equal(counts.read, 5);
    assert_int_equal(counts.taken, 1);
    assert_int_equal(counts.beyond, 0);
    assert_int_equal(counts.backdated, 0);
}

static void append_random(struct random *random, struct bytes *text) {
    enum { RECORDS_MAX = 25, DAYS = 8 };
    size_t records = random_below(random, RECORDS_MAX + 1);
    for (size_t i = 0; i < records; i++) {
        char line[100];
        int64_t at_ms = (int64_t)random_below(random, DAYS * 4) * DAY_MS / 4;
        uint64_t from = random_below(random, 3);
        uint64_t to = random_below(random, 3);
        bool is_malformed = random_below(random, 10) == 0;
        (void)snprintf(line, sizeof line, "%s%" PRId64 ",%" PRIu64 ",%" PRIu64 "\n",
                       is_malformed ? "?" : "", at_ms, from, to);
        MUST(bytes_append(text, line, strlen(line), &err));
    }
}

/* Two files grow from night to night. At the end the state has what one run over everything has,
 * and each date can be computed again. */
static void nights_against_once(void **folder, uint64_t seed) {
    enum { NIGHTS = 8, FILES = 2 };
    static const char *const names[FILES + 1] = {"a.csv", "b.csv", NULL};
    struct random random;
    struct bytes texts[FILES] = {0};
    uint64_t fingerprints[NIGHTS];
    struct fact_counts last = {0};
    uint64_t looked = 0;
    random_seed(&random, seed);
    for (int file = 0; file < FILES; file++) {
        MUST(bytes_append(&texts[file], "at,from,to\n", 11, &err));
    }
    for (int night = 0; night < NIGHTS; night++) {
        for (int file = 0; file < FILES; file++) {
            char path[SCRATCH_PATH_BYTES];
            append_random(&random, &texts[file]);
            scratch_path(folder, names[file], path);
            scratch_put(path, texts[file].data, texts[file].count);
        }
        fingerprints[night] = night_run(folder, night, FACT_INTERACTIONS, names, &last);
        looked += last.looked;
        assert_int_equal(looked, last.read + last.beyond);
    }
    struct facts once = {0};
    struct progress progress = quiet();
    struct file_set set = set_of(folder, names);
    struct facts_options options = everything;
    uint64_t fingerprint;
    options.until_ms = night_end_ms(NIGHTS - 1);
    MUST(facts_begin(&once, &options, NULL, &progress, &err));
    MUST(facts_read(&once, FACT_INTERACTIONS, &set, &err));
    MUST(facts_fingerprint(&once, &fingerprint, &err));
    assert_true(fingerprint == fingerprints[NIGHTS - 1]);
    const struct fact_counts *counts = &once.counts[FACT_INTERACTIONS];
    assert_int_equal(counts->read, last.read);
    assert_int_equal(counts->malformed, last.malformed);
    assert_int_equal(counts->self_loops, last.self_loops);
    assert_int_equal(counts->beyond, last.beyond);
    assert_int_equal(counts->read, counts->taken + counts->malformed + counts->self_loops);
    facts_release(&once);
    file_set_release(&set);
    for (int night = NIGHTS - 1; night >= 0; night--) { /* the logs have grown since */
        struct fact_counts again;
        assert_true(fingerprints[night] ==
                    night_run(folder, night, FACT_INTERACTIONS, names, &again));
    }
    for (int file = 0; file < FILES; file++) {
        bytes_release(&texts[file]);
    }
}

static void test_nights_add_up_to_one_run_and_can_be_repeated(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        void *folder = NULL;
        assert_int_equal(scratch_make(&folder), 0);
        nights_against_once(&folder, seed);
        assert_int_equal(scratch_remove(&folder), 0);
    }
}

static void test_log_without_news_shares_its_table_which_pruning_keeps(void **state) {
    static const char *const names[] = {"p.csv", NULL};
    static const char *const nothing[] = {NULL};
    struct fact_counts counts;
    log_put(state, "p.csv", "at,member,company,kind\n1,1,1,start\n");
    (void)night_run(state, 0, FACT_POSITIONS, names, &counts);
    uint64_t first = night_run(state, 1, FACT_POSITIONS, names, &counts);
    assert_true(first == night_run(state, 2, FACT_POSITIONS, nothing, &counts));
    assert_true(counts.is_given);
    assert_int_equal(counts.read, 1);
    struct state opened = state_opened(state);
    struct generation generation = {0};
    MUST(state_prune(&opened, 1, &err));
    MUST(state_read(&opened, 2 * DAY_MS, &generation, &err));
    const struct fact_history *history = &generation.facts[FACT_POSITIONS];
    assert_string_equal(history->file.name, "gen-1970-01-01/facts-positions.tff");
    assert_int_equal(history->extent_count, 1);
    assert_string_equal(history->extents[0].name, "p.csv");
    generation_release(&generation);
    state_close(&opened);
    assert_true(first == night_run(state, 3, FACT_POSITIONS, names, &counts));
}

static void test_reference_tables_are_read_whole_every_night(void **state) {
    static const char *const names[] = {"c.csv", NULL};
    struct fact_counts counts;
    log_put(state, "c.csv", "company,canonical\n1,2\n3,4\n");
    uint64_t first = night_run(state, 0, FACT_COMPANIES, names, &counts);
    assert_true(first == night_run(state, 1, FACT_COMPANIES, names, &counts));
    assert_int_equal(counts.read, 2);
    log_put(state, "c.csv", "company,canonical\n1,2\n"); /* it may shrink */
    assert_true(first != night_run(state, 2, FACT_COMPANIES, names, &counts));
    assert_int_equal(counts.taken, 1);
    struct state opened = state_opened(state);
    struct generation generation = {0};
    MUST(state_read(&opened, 2 * DAY_MS, &generation, &err));
    assert_false(generation.facts[FACT_COMPANIES].is_known);
    generation_release(&generation);
    state_close(&opened);
}

static struct status night_fails(void **folder, int number, const char *const *names) {
    struct night night;
    struct file_set set = set_of(folder, names);
    night_begin(folder, &night, number);
    struct status status = facts_read(&night.facts, FACT_APPLICATIONS, &set, &err);
    night_release(&night);
    file_set_release(&set);
    return status;
}

static void test_files_that_are_gone_cut_or_replaced_are_errors(void **state) {
    static const char *const names[] = {"a.csv", NULL};
    static const char *const nothing[] = {NULL};
    struct fact_counts counts;
    log_put(state, "a.csv", "at,member\n1,1\n2,2\n200000000,3\n");
    (void)night_run(state, 0, FACT_APPLICATIONS, names, &counts);
    assert_int_equal(counts.beyond, 1);
    MUST_FAIL(night_fails(state, 1, nothing), FAILURE_DATA, "a.csv: 1 of its records were left");
    MUST_FAIL(night_fails(state, 0, nothing), FAILURE_DATA,
              "a.csv: this date was computed from it");
    log_put(state, "a.csv", "at,member\n1,1\n");
    MUST_FAIL(night_fails(state, 1, names), FAILURE_DATA, "bytes, but an earlier run read");
    log_put(state, "a.csv", "at,member\n1,1\n222222222222,2222222222\n");
    MUST_FAIL(night_fails(state, 1, names), FAILURE_DATA, "2 records, but an earlier run read 3");
}

/* ---- topics ---- */

enum { TIMEOUT_S = 20 };

/* A cluster, and options that name its topic "p" of two partitions for a log. */
struct broker {
    struct mock_cluster *cluster;
    struct kafka_settings settings;
    struct options options;
};

static struct broker broker_new(enum fact_log log) {
    struct broker broker = {.cluster = mock_cluster_new(1)};
    broker.settings = mock_cluster_settings(broker.cluster);
    mock_cluster_topic(broker.cluster, "p", 2);
    broker.options.topic = (struct topic_options){
        .brokers = kafka_settings_get(&broker.settings, "bootstrap.servers"),
        .group = "g",
        .timeout_s = TIMEOUT_S,
        .corrupt_tries = 1,
    };
    broker.options.is_quiet = true;
    broker.options.facts_encoding = 1; /* JSON */
    broker.options.fact_topics[log] = "p";
    return broker;
}

static void broker_free(struct broker *broker) {
    kafka_settings_release(&broker->settings);
    mock_cluster_free(broker->cluster);
}

/* Appends values to a partition; NULL ends them, "" is a tombstone. */
static void topic_put(const struct broker *broker, int32_t partition, const char *const *values) {
    const struct kafka_producer_options options = {.timeout_ms = TIMEOUT_S * 1000};
    struct kafka_producer *producer;
    MUST(kafka_producer_open(&producer, &broker->settings, &options, &err));
    for (; *values != NULL; values++) {
        const struct kafka_message message = {
            .topic = "p",
            .partition = partition,
            .key = "k",
            .key_bytes = 1,
            .value = **values == '\0' ? NULL : *values,
            .value_bytes = strlen(*values),
        };
        MUST(kafka_producer_put(producer, &message, &err));
    }
    MUST(kafka_producer_flush(producer, &err));
    kafka_producer_close(producer);
}

/* Begins a night and reads all logs that the options name; the caller releases the night. */
static struct status topics_read(void **folder, struct night *night, int number,
                                 const struct broker *broker) {
    night_begin(folder, night, number);
    struct facts_options how = night->facts.options;
    bool has_previous = how.previous != NULL;
    struct options options = broker->options;
    options.malformed_share_max = 1;
    facts_release(&night->facts);
    return facts_read_options(&night->facts, &options, &how, has_previous ? &night->state : NULL,
                              &night->progress, &err);
}

static uint64_t topic_night(void **folder, int number, const struct broker *broker,
                            struct fact_counts *counts) {
    struct night night;
    uint64_t fingerprint;
    MUST(topics_read(folder, &night, number, broker));
    MUST(facts_fingerprint(&night.facts, &fingerprint, &err));
    *counts = night.facts.counts[FACT_POSITIONS];
    if (night.facts.options.repeated == NULL) {
        night_commit(&night, number);
    }
    night_release(&night);
    return fingerprint;
}

static void test_topic_is_read_by_night_like_a_file(void **state) {
    static const char *const first[] = {
        "{\"at\":1,\"member\":1,\"company\":1,\"kind\":\"start\"}",
        "{\"at\":86400000,\"member\":2,\"company\":1,\"kind\":\"start\"}", "oops", NULL};
    static const char *const second[] = {"{\"at\":2,\"member\":3,\"company\":1,\"kind\":\"start\"}",
                                         "", NULL};
    struct broker broker = broker_new(FACT_POSITIONS);
    struct fact_counts counts;
    uint64_t nights[3];
    topic_put(&broker, 0, first);
    nights[0] = topic_night(state, 0, &broker, &counts);
    assert_int_equal(counts.looked, 3);
    assert_int_equal(counts.read, 2);
    assert_int_equal(counts.malformed, 1);
    assert_int_equal(counts.beyond, 1);
    topic_put(&broker, 1, second);
    nights[1] = topic_night(state, 1, &broker, &counts);
    assert_int_equal(counts.looked, 2);
    assert_int_equal(counts.read, 5);
    assert_int_equal(counts.taken, 2);
    assert_int_equal(counts.malformed, 2); /* of this log a tombstone means nothing */
    assert_int_equal(counts.backdated, 1);
    assert_int_equal(counts.beyond, 0);
    assert_true(nights[0] == topic_night(state, 0, &broker, &counts));
    assert_true(nights[1] == topic_night(state, 1, &broker, &counts));
    nights[2] = topic_night(state, 2, &broker, &counts);
    assert_true(nights[2] == nights[1]);
    broker_free(&broker);
    log_put(state, "p.csv",
            "at,member,company,kind\n1,1,1,start\n86400000,2,1,start\n2,3,1,start\n");
    struct facts facts = {0};
    uint64_t of_file;
    MUST(read_alone(state, &facts, FACT_POSITIONS, "p.csv", &everything));
    MUST(facts_fingerprint(&facts, &of_file, &err));
    assert_true(of_file == nights[2]);
    facts_release(&facts);
}

static void test_records_of_a_topic_are_set_aside_with_their_bytes(void **state) {
    static const char *const values[] = {"{\"company\":1}", "{\"company\":-1}", NULL};
    struct broker broker = broker_new(FACT_COMPANIES);
    struct night night;
    topic_put(&broker, 1, values);
    MUST(topics_read(state, &night, 0, &broker));
    assert_int_equal(night.facts.tables[FACT_COMPANIES].count, 1);
    assert_int_equal(night.facts.quarantine.count, 1);
    const struct quarantined *item = &night.facts.quarantine.items[0];
    assert_string_equal(item->log, "companies");
    assert_string_equal(item->file, "p/1");
    assert_int_equal(item->record, 1);
    assert_true(item->is_letter);
    assert_string_equal(item->letter.topic, "p");
    assert_int_equal(item->letter.partition, 1);
    assert_int_equal(item->letter.offset, 1);
    assert_int_equal(item->letter.value_bytes, strlen(values[1]));
    assert_memory_equal(item->letter.value, values[1], strlen(values[1]));
    assert_memory_equal(item->letter.key, "k", 1);
    assert_string_equal(item->content, values[1]);
    assert_non_null(strstr(item->reason, "company is \"-1\""));
    night_release(&night);
    broker_free(&broker);
}

static void test_tombstones_of_members_are_passed_over_and_the_newest_record_wins(void **state) {
    static const char *const values[] = {"{\"member\":1,\"region\":2}", "",
                                         "{\"member\":1,\"region\":3}", NULL};
    struct broker broker = broker_new(FACT_MEMBERS);
    struct night night;
    topic_put(&broker, 0, values);
    MUST(topics_read(state, &night, 0, &broker));
    const struct fact_counts *counts = &night.facts.counts[FACT_MEMBERS];
    assert_int_equal(counts->looked, 2);
    assert_int_equal(counts->read, 2);
    assert_int_equal(night.facts.tables[FACT_MEMBERS].count, 1);
    assert_int_equal(night.facts.tables[FACT_MEMBERS].facts[0].value[MEMBER_REGION], 3);
    assert_int_equal(night.facts.extents[FACT_MEMBERS][0].end, 3);
    night_release(&night);
    broker_free(&broker);
}

static void test_topics_that_cannot_take_the_place_of_files_are_errors(void **state) {
    static const char *const names[] = {"a.csv", NULL};
    struct broker broker = broker_new(FACT_APPLICATIONS);
    struct night night;
    struct fact_counts counts;
    log_put(state, "a.csv", "at,member\n200000000,1\n");
    (void)night_run(state, 0, FACT_APPLICATIONS, names, &counts);
    MUST_FAIL(topics_read(state, &night, 1, &broker), FAILURE_DATA,
              "a.csv: 1 of its records were left for later dates, but topic p is read");
    night_release(&night);
    MUST_FAIL(topics_read(state, &night, 0, &broker), FAILURE_DATA,
              "this date was not computed from topic p");
    night_release(&night);
    MUST(names_add(&broker.options.fact_logs[FACT_APPLICATIONS], "a.csv", &err));
    MUST_FAIL(topics_read(state, &night, 1, &broker), FAILURE_USAGE,
              "--applications and --applications-topic");
    night_release(&night);
    names_release(&broker.options.fact_logs[FACT_APPLICATIONS]);
    broker.options.topic.brokers = NULL;
    MUST_FAIL(topics_read(state, &night, 1, &broker), FAILURE_USAGE,
              "--applications-topic needs --brokers");
    night_release(&night);
    broker_free(&broker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_every_record_goes_to_one_place_and_is_counted),
        SCRATCH_TEST(test_too_many_malformed_records_of_one_log_fail_the_run),
        SCRATCH_TEST(test_gate_shows_a_record_of_its_own_log),
        SCRATCH_TEST(test_newest_record_of_a_member_wins_over_files_in_their_order),
        SCRATCH_TEST(test_fingerprint_is_of_the_records_and_not_of_the_file),
        SCRATCH_TEST(test_logs_that_the_options_name_are_read_and_the_others_are_empty),
        SCRATCH_TEST(test_what_is_set_aside_moves_to_another_quarantine),
        SCRATCH_TEST(test_records_of_later_dates_wait_and_late_reports_are_taken),
        cmocka_unit_test(test_nights_add_up_to_one_run_and_can_be_repeated),
        SCRATCH_TEST(test_log_without_news_shares_its_table_which_pruning_keeps),
        SCRATCH_TEST(test_reference_tables_are_read_whole_every_night),
        SCRATCH_TEST(test_files_that_are_gone_cut_or_replaced_are_errors),
        SCRATCH_TEST(test_topic_is_read_by_night_like_a_file),
        SCRATCH_TEST(test_records_of_a_topic_are_set_aside_with_their_bytes),
        SCRATCH_TEST(test_tombstones_of_members_are_passed_over_and_the_newest_record_wins),
        SCRATCH_TEST(test_topics_that_cannot_take_the_place_of_files_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
