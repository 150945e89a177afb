#include "stages/base/checksum.h"
#include "stages/base/number.h"
#include "stages/state/generation.h"
#include "tests/state_testing.h"

/* Two of the logs beside the connections, one of them without files. */
static void facts_make(struct generation *generation) {
    struct err err;
    struct fact_history *positions = &generation->facts[FACT_POSITIONS];
    struct fact_history *members = &generation->facts[FACT_MEMBERS];
    const struct extent extent = {
        .name = (char *)(uintptr_t) "p.csv", .first = 2, .end = 9, .left = 3, .bytes = 77};
    *positions = (struct fact_history){
        .is_known = true, .read = UINT64_MAX, .malformed = 1, .self_loops = 2, .duplicates = 3};
    MUST(state_file_set(&positions->file, "gen-1970-01-20/facts-positions.tff", 5, 6, &err));
    MUST(extent_append(&positions->extents, &positions->extent_count, &extent, &err));
    *members = (struct fact_history){.is_known = true};
    MUST(state_file_set(&members->file, "gen-1970-01-21/facts-members.tff", 7, 8, &err));
}

/* A manifest with nothing left at its default. */
static struct generation generation_make(void) {
    struct err err;
    struct generation generation = {
        .date_ms = 20 * DAY_MS,
        .first_date_ms = 19 * DAY_MS,
        .has_previous = true,
        .previous_ms = 18 * DAY_MS,
        .simultaneous = SIMULTANEOUS_SEQUENCE,
        .members = 200000000,
        .ties = UINT64_MAX,
        .open_ties = UINT64_MAX - 1,
        .run_id = UINT64_C(0x0123456789abcdef),
    };
    MUST(state_file_set(&generation.dictionary, "gen-1970-01-21/dictionary.tff", 1, 2, &err));
    MUST(state_file_set(&generation.adjacency.file, "gen-1970-01-20/adjacency.tff", UINT64_MAX,
                        UINT64_MAX, &err));
    MUST(state_file_set(&generation.adjacency.degrees, "gen-1970-01-20/degrees.tff", 8, 9, &err));
    generation.adjacency.segments = 1;
    generation.adjacency.members = 199999999;
    generation.adjacency.open_ties = UINT64_MAX - 18; /* segments 1 and 2 add 10 - 1 and 10 - 2 */
    MUST(state_file_set(&generation.cohort, "gen-1970-01-21/cohort.tff", 0, 0, &err));
    for (uint64_t i = 0; i < 3; i++) {
        struct segment segment = {
            .file = {.name = (char *)(uintptr_t) "gen-1970-01-20/ties.tff",
                     .bytes = 100 + i,
                     .checksum = UINT64_MAX - i},
            .date_ms = (int64_t)i * DAY_MS,
            .first_tie = i * 10,
            .ties = 10,
            .endings = i,
        };
        MUST(generation_add_segment(&generation, &segment, &err));
    }
    static const char *const names[] = {"connections.csv.zst", "a \"quoted\" \\ name.csv",
                                        "l\xc3\xb6g.tfp"};
    for (uint64_t i = 0; i < 3; i++) {
        struct extent extent = {.name = (char *)(uintptr_t)names[i],
                                .first = i,
                                .end = 100,
                                .left = 100 - i,
                                .bytes = i,
                                .last = {i == 1, 99, UINT64_MAX - 1}};
        MUST(generation_add_extent(&generation, &extent, &err));
    }
    facts_make(&generation);
    return generation;
}

static void files_compare(const struct state_file *a, const struct state_file *b) {
    assert_string_equal(a->name, b->name);
    assert_true(a->bytes == b->bytes && a->checksum == b->checksum);
}

static void extents_compare(const struct extent *a, size_t a_count, const struct extent *b,
                            size_t b_count) {
    assert_int_equal(a_count, b_count);
    for (size_t i = 0; i < a_count; i++) {
        assert_string_equal(a[i].name, b[i].name);
        assert_true(a[i].first == b[i].first && a[i].end == b[i].end);
        assert_true(a[i].left == b[i].left && a[i].bytes == b[i].bytes);
        assert_int_equal(a[i].last.is_known, b[i].last.is_known);
        if (a[i].last.is_known) {
            assert_true(a[i].last.record == b[i].last.record && a[i].last.sum == b[i].last.sum);
        }
    }
}

static void generations_compare(const struct generation *a, const struct generation *b) {
    assert_true(a->date_ms == b->date_ms && a->first_date_ms == b->first_date_ms);
    assert_int_equal(a->has_previous, b->has_previous);
    assert_true(a->previous_ms == b->previous_ms && a->simultaneous == b->simultaneous);
    assert_true(a->members == b->members && a->ties == b->ties && a->open_ties == b->open_ties);
    assert_true(a->run_id == b->run_id);
    files_compare(&a->dictionary, &b->dictionary);
    files_compare(&a->adjacency.file, &b->adjacency.file);
    assert_int_equal(a->adjacency.degrees.name == NULL, b->adjacency.degrees.name == NULL);
    if (a->adjacency.degrees.name != NULL) {
        files_compare(&a->adjacency.degrees, &b->adjacency.degrees);
    }
    assert_true(a->adjacency.segments == b->adjacency.segments &&
                a->adjacency.members == b->adjacency.members &&
                a->adjacency.open_ties == b->adjacency.open_ties);
    files_compare(&a->cohort, &b->cohort);
    assert_int_equal(a->segment_count, b->segment_count);
    for (size_t i = 0; i < a->segment_count; i++) {
        const struct segment *left = &a->segments[i];
        const struct segment *right = &b->segments[i];
        files_compare(&left->file, &right->file);
        assert_true(left->date_ms == right->date_ms && left->first_tie == right->first_tie);
        assert_true(left->ties == right->ties && left->endings == right->endings);
    }
    extents_compare(a->extents, a->extent_count, b->extents, b->extent_count);
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_history *left = &a->facts[log];
        const struct fact_history *right = &b->facts[log];
        assert_int_equal(left->is_known, right->is_known);
        if (left->is_known) {
            files_compare(&left->file, &right->file);
            assert_true(left->read == right->read && left->malformed == right->malformed);
            assert_true(left->self_loops == right->self_loops);
            assert_true(left->duplicates == right->duplicates);
        }
        extents_compare(left->extents, left->extent_count, right->extents, right->extent_count);
    }
}

static void save_and_load_compare(void **folder, const struct generation *generation) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct generation loaded = {0};
    scratch_path(folder, "manifest.json", path);
    MUST(generation_save(generation, path, &err));
    MUST(generation_load(&loaded, path, &err));
    generations_compare(generation, &loaded);
    generation_release(&loaded);
}

static void a_saved_manifest_loads_back_equal(void **folder) {
    struct generation generation = generation_make();
    save_and_load_compare(folder, &generation);
    generation.has_previous = false;
    generation.previous_ms = 0;
    generation.simultaneous = SIMULTANEOUS_STRICT;
    save_and_load_compare(folder, &generation);
    generation_release(&generation);
}

static void a_manifest_without_segments_and_inputs_loads_back_equal(void **folder) {
    struct err err;
    struct generation generation = {0};
    MUST(state_file_set(&generation.dictionary, "gen-1970-01-01/dictionary.tff", 1, 2, &err));
    MUST(state_file_set(&generation.adjacency.file, "gen-1970-01-01/adjacency.tff", 1, 2, &err));
    MUST(state_file_set(&generation.cohort, "gen-1970-01-01/cohort.tff", 1, 2, &err));
    save_and_load_compare(folder, &generation);
    generation_release(&generation);
}

static void a_saved_manifest_is_the_same_text_each_time(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct generation generation = generation_make();
    struct bytes first = {0};
    struct bytes second = {0};
    scratch_path(folder, "manifest.json", path);
    MUST(generation_save(&generation, path, &err));
    MUST(file_read_all(path, &first, &err));
    MUST(generation_save(&generation, path, &err));
    MUST(file_read_all(path, &second, &err));
    assert_same_bytes(&first, &second);
    bytes_release(&first);
    generation_release(&generation);
}

static void an_input_is_found_by_its_name(void **folder) {
    (void)folder;
    struct generation generation = generation_make();
    assert_ptr_equal(generation_extent(&generation, "l\xc3\xb6g.tfp"), &generation.extents[2]);
    assert_null(generation_extent(&generation, "connections.csv"));
    generation_release(&generation);
}

/* --- manifests that are wrong in one place ---
 *
 * The text is cut up by hand: a list of places, each a key, its right value and wrong ones. */

static const char right_manifest[] =
    "{\"tieflow_state\": 2, \"date\": \"1970-01-21\", \"first_date\": \"1970-01-20\","
    " \"previous\": \"1970-01-19\", \"simultaneous\": \"strict\", \"members\": 3, \"ties\": 7,"
    " \"open_ties\": 5, \"run_id\": \"0000000000000001\","
    " \"dictionary\": {\"file\": \"gen-1970-01-21/d\", \"bytes\": 11,"
    " \"xxh64\": \"0000000000000002\"},"
    " \"adjacency\": {\"file\": \"gen-1970-01-21/a\", \"bytes\": 12,"
    " \"xxh64\": \"0000000000000003\", \"segments\": 0, \"members\": 2, \"open_ties\": 6},"
    " \"cohort\": {\"file\": \"gen-1970-01-21/c\", \"bytes\": 13, \"xxh64\": \"0000000000000004\"},"
    " \"segments\": [{\"date\": \"1970-01-02\", \"first_tie\": 21, \"ties\": 22, \"endings\": 23,"
    " \"ties_file\": {\"file\": \"gen-1970-01-02/t\", \"bytes\": 14,"
    " \"xxh64\": \"0000000000000005\"}}],"
    " \"inputs\": [{\"name\": \"x.csv\", \"first\": 31, \"end\": 39, \"left\": 2, \"bytes\": 34}],"
    " \"facts\": {\"positions\": {\"read\": 49, \"malformed\": 42, \"self_loops\": 3,"
    " \"duplicates\": 4, \"table\": {\"file\": \"gen-1970-01-03/p\", \"bytes\": 15,"
    " \"xxh64\": \"0000000000000006\"},"
    " \"inputs\": [{\"name\": \"p.csv\", \"first\": 51, \"end\": 59, \"left\": 5,"
    " \"bytes\": 55}]}}";

/* Writes the manifest that begins with `text`: the checksum of it comes last, and is right. */
static void manifest_put(const char *path, const char *text) {
    char digits[CHECKSUM_TEXT_BYTES];
    char whole[sizeof right_manifest + 512];
    checksum_format(checksum_of(text, strlen(text), 0), digits);
    int length = snprintf(whole, sizeof whole, "%s,\n  \"xxh64\": \"%s\"\n}\n", text, digits);
    assert_in_range(length, 1, sizeof whole - 1);
    scratch_put_text(path, whole);
}

/* Loads `right_manifest` with the first `old` behind `after` replaced by `new`. The error must name
 * `key`; NULL: it must load. */
static void load_changed(void **folder, const char *after, const char *old, const char *new,
                         const char *key) {
    struct err err = {0};
    char path[SCRATCH_PATH_BYTES];
    char text[sizeof right_manifest + 256];
    const char *from = strstr(right_manifest, after);
    assert_non_null(from);
    const char *at = strstr(from, old);
    assert_non_null(at);
    int length = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - right_manifest), right_manifest,
                          new, at + strlen(old));
    assert_in_range(length, 1, sizeof text - 1);
    scratch_path(folder, "manifest.json", path);
    manifest_put(path, text);
    struct generation generation = {0};
    if (key == NULL) {
        MUST(generation_load(&generation, path, &err));
    } else {
        char part[64];
        (void)snprintf(part, sizeof part, "\"%s\" is missing or wrong", key);
        MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, part);
        assert_non_null(strstr(err.text, path));
    }
    generation_release(&generation);
}

/* A place in the manifest: `after` leads to it. */
struct place {
    const char *after;
    const char *key;
    const char *value; /* as written */
};

static const struct place places[] = {
    {"{", "tieflow_state", "2"},
    {"{", "date", "\"1970-01-21\""},
    {"{", "first_date", "\"1970-01-20\""},
    {"{", "previous", "\"1970-01-19\""},
    {"{", "simultaneous", "\"strict\""},
    {"{", "members", "3"},
    {"{", "ties", "7"},
    {"{", "open_ties", "5"},
    {"{", "run_id", "\"0000000000000001\""},
    {"\"dictionary\"", "file", "\"gen-1970-01-21/d\""},
    {"\"dictionary\"", "bytes", "11"},
    {"\"dictionary\"", "xxh64", "\"0000000000000002\""},
    {"\"adjacency\"", "file", "\"gen-1970-01-21/a\""},
    {"\"adjacency\"", "bytes", "12"},
    {"\"adjacency\"", "xxh64", "\"0000000000000003\""},
    {"\"adjacency\"", "segments", "0"},
    {"\"adjacency\"", "members", "2"},
    {"\"adjacency\"", "open_ties", "6"},
    {"\"cohort\"", "file", "\"gen-1970-01-21/c\""},
    {"\"cohort\"", "bytes", "13"},
    {"\"cohort\"", "xxh64", "\"0000000000000004\""},
    {"\"cohort\"", "date", "\"1970-01-02\""},
    {"\"cohort\"", "first_tie", "21"},
    {"\"cohort\"", "ties", "22"},
    {"\"cohort\"", "endings", "23"},
    {"\"ties_file\"", "file", "\"gen-1970-01-02/t\""},
    {"\"ties_file\"", "bytes", "14"},
    {"\"ties_file\"", "xxh64", "\"0000000000000005\""},
    {"\"inputs\"", "name", "\"x.csv\""},
    {"\"inputs\"", "first", "31"},
    {"\"inputs\"", "end", "39"},
    {"\"inputs\"", "left", "2"},
    {"\"inputs\"", "bytes", "34"},
    {"\"positions\"", "read", "49"},
    {"\"positions\"", "malformed", "42"},
    {"\"positions\"", "self_loops", "3"},
    {"\"positions\"", "duplicates", "4"},
    {"\"table\"", "file", "\"gen-1970-01-03/p\""},
    {"\"table\"", "bytes", "15"},
    {"\"table\"", "xxh64", "\"0000000000000006\""},
    {"\"p.csv\"", "first", "51"},
    {"\"p.csv\"", "end", "59"},
    {"\"p.csv\"", "left", "5"},
    {"\"p.csv\"", "bytes", "55"},
};

enum { PLACES = sizeof places / sizeof *places };

static void the_manifest_made_by_hand_loads(void **folder) {
    load_changed(folder, "{", "", "", NULL);
    load_changed(folder, "{", "\"1970-01-19\"", "null", NULL);
    load_changed(folder, "{", "{", "{\"a key of tomorrow\": [1, {\"x\": 2}], ", NULL);
}

/* The states of versions that knew no logs but the connections. */
static void a_manifest_without_facts_or_with_logs_of_tomorrow_loads(void **folder) {
    load_changed(folder, "{", "\"facts\":", "\"nothing of that name\":", NULL);
    load_changed(folder, "{", "\"positions\":", "\"a log of tomorrow\":", NULL);
    load_changed(folder, "{", "\"facts\": {", "\"facts\": null, \"rest\": {", "facts");
    load_changed(folder, "{", "\"positions\": {", "\"positions\": 7, \"rest\": {", "positions");
}

static void counts_of_a_log_that_exceed_what_was_read_are_refused(void **folder) {
    static const char key[] = "read, malformed, self_loops, duplicates";
    load_changed(folder, "{", "\"duplicates\": 4", "\"duplicates\": 5", key);
    load_changed(folder, "{", "\"self_loops\": 3", "\"self_loops\": 8", key);
    load_changed(folder, "{", "\"malformed\": 42", "\"malformed\": 50", key);
    load_changed(folder, "{", "\"malformed\": 42", "\"malformed\": 18446744073709551615", key);
}

static void a_missing_key_is_refused_by_name(void **folder) {
    for (size_t i = 0; i < PLACES; i++) {
        char old[64];
        (void)snprintf(old, sizeof old, "\"%s\":", places[i].key);
        load_changed(folder, places[i].after, old, "\"nothing of that name\":", places[i].key);
    }
    static const char *const containers[] = {"dictionary", "adjacency", "cohort", "segments",
                                             "ties_file",  "inputs",    "table"};
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        char old[64];
        bool is_behind = i >= 3; /* the adjacency has a number of that name too */
        (void)snprintf(old, sizeof old, "\"%s\":", containers[i]);
        load_changed(folder, is_behind ? "\"cohort\"" : "{", old,
                     "\"nothing of that name\":", containers[i]);
    }
}

static void a_value_of_another_type_is_refused_by_name(void **folder) {
    static const char *const others[] = {"null", "true", "[1]",      "{\"file\": 1}",       "-1",
                                         "1.5",  "\"\"", "\"word\"", "18446744073709551616"};
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t j = 0; j < sizeof others / sizeof *others; j++) {
            bool is_name = strcmp(places[i].key, "name") == 0 && others[j][0] == '"';
            bool is_null_date =
                strcmp(places[i].key, "previous") == 0 && strcmp(others[j], "null") == 0;
            if (is_name || is_null_date) { /* these are right there */
                continue;
            }
            char old[96];
            char new[96];
            (void)snprintf(old, sizeof old, "\"%s\": %s", places[i].key, places[i].value);
            (void)snprintf(new, sizeof new, "\"%s\": %s", places[i].key, others[j]);
            bool is_file = strcmp(places[i].key, "file") == 0 && others[j][0] == '"';
            char container[32] = "";
            if (is_file) { /* a text, but not a file's name: the file as a whole is wrong */
                (void)snprintf(container, sizeof container, "%s", places[i].after + 1);
                container[strlen(container) - 1] = '\0';
            }
            load_changed(folder, places[i].after, old, new, is_file ? container : places[i].key);
        }
    }
}

static void a_mark_is_whole_and_of_a_record_that_was_read(void **folder) {
    static const char bytes[] = "\"bytes\": 34";
    static const char sum[] = "\"last_xxh64\": \"0000000000000007\"";
    static const struct {
        const char *last;
        const char *sum;
        const char *key;
    } marks[] = {
        {"0", sum, NULL},
        {"38", sum, NULL},
        {"39", sum, "last"},
        {"\"38\"", sum, "last"},
        {"null", sum, "last"},
        {"38", "\"xxh64\": \"0000000000000007\"", "last_xxh64"},
        {"38", "\"last_xxh64\": 7", "last_xxh64"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        char with[128];
        (void)snprintf(with, sizeof with, "%s, \"last\": %s, %s", bytes, marks[i].last,
                       marks[i].sum);
        load_changed(folder, "\"inputs\"", bytes, with, marks[i].key);
    }
}

static void a_version_or_a_word_that_is_unknown_is_refused_by_name(void **folder) {
    load_changed(folder, "{", "\"tieflow_state\": 2", "\"tieflow_state\": 0", "tieflow_state");
    load_changed(folder, "{", "\"strict\"", "\"STRICT\"", "simultaneous");
    load_changed(folder, "{", "1970-01-21\"", "1970-02-29\"", "date");
    load_changed(folder, "{", "000001\"", "00001\"", "run_id");
    load_changed(folder, "{", "000001\"", "00000G\"", "run_id");
}

static void a_manifest_of_a_later_layout_is_not_taken_for_a_damaged_one(void **folder) {
    static const char later[] = "{\n  \"tieflow_state\": 3, \"something\": [\"new\"]";
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct generation generation = {0};
    scratch_path(folder, "manifest.json", path);
    manifest_put(path, later);
    MUST_FAIL(generation_load(&generation, path, &err), FAILURE_CONFIG, "a newer tieflow");
    assert_non_null(strstr(err.text, path));
    generation_release(&generation);
    /* One whose version was 2 until a bit turned is damaged. */
    scratch_put_text(path, "{\n  \"tieflow_state\": 3,\n  \"xxh64\": \"0000000000000000\"\n}\n");
    MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, "\"tieflow_state\" is");
    generation_release(&generation);
}

static void a_file_outside_the_state_folder_is_refused(void **folder) {
    static const char *const names[] = {
        "\"..\"",
        "\"../secret\"",
        "\"/etc/secret\"",
        "\"gen-1970-01-21/../../secret\"",
        "\"gen-1970-01-21/..\"",
        "\"gen-../secret\"",
        "\".next/d\"",
        "\"d\"",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        load_changed(folder, "{", "\"gen-1970-01-21/d\"", names[i], "dictionary");
        load_changed(folder, "{", "\"gen-1970-01-21/a\"", names[i], "adjacency");
        load_changed(folder, "{", "\"gen-1970-01-21/c\"", names[i], "cohort");
        load_changed(folder, "{", "\"gen-1970-01-02/t\"", names[i], "ties_file");
        load_changed(folder, "{", "\"gen-1970-01-03/p\"", names[i], "table");
    }
}

static void an_extent_that_ends_before_it_begins_is_refused(void **folder) {
    load_changed(folder, "\"inputs\"", "\"end\": 39", "\"end\": 31", "first, end, left");
    load_changed(folder, "\"inputs\"", "\"end\": 39", "\"end\": 30", "first, end, left");
    load_changed(folder, "\"inputs\"", "\"left\": 2", "\"left\": 9", "first, end, left");
    load_changed(folder, "\"inputs\"", "\"left\": 2", "\"left\": 8", NULL);
    load_changed(folder, "\"inputs\"", "\"first\": 31", "\"first\": 18446744073709551615",
                 "first, end, left");
}

/* A manifest of version 1 says nothing of the adjacency but the file: it covers everything. */
static void a_manifest_of_before_there_were_tails_loads(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    char text[sizeof right_manifest];
    static const char more[] = ", \"segments\": 0, \"members\": 2, \"open_ties\": 6";
    const char *from = strstr(right_manifest, more);
    assert_non_null(from);
    (void)snprintf(text, sizeof text, "{\"tieflow_state\": 1%.*s%s",
                   (int)(from - right_manifest - 19), right_manifest + 19, from + sizeof more - 1);
    scratch_path(folder, "manifest.json", path);
    manifest_put(path, text);
    struct generation generation = {0};
    MUST(generation_load(&generation, path, &err));
    assert_int_equal(generation.adjacency.segments, 1);
    assert_int_equal(generation.adjacency.members, 3);
    assert_int_equal(generation.adjacency.open_ties, 5);
    assert_int_equal(generation_tail(&generation), 0);
    generation_release(&generation);
}

static void an_adjacency_that_does_not_go_with_the_segments_is_refused(void **folder) {
    load_changed(folder, "{", "\"segments\": 0", "\"segments\": 2", "adjacency");
    load_changed(folder, "{", "\"segments\": 0", "\"segments\": 18446744073709551615", "adjacency");
    load_changed(folder, "{", "\"segments\": 0", "\"segments\": 1", "adjacency");
    load_changed(folder, "{", "\"members\": 2", "\"members\": 3", NULL); /* none of them new */
    load_changed(folder, "{", "\"members\": 2", "\"members\": 4", "adjacency");
    load_changed(folder, "{", "\"open_ties\": 6", "\"open_ties\": 5", "adjacency");
    load_changed(folder, "{", "\"ties\": 22", "\"ties\": 23", "adjacency");
    load_changed(folder, "{", "\"endings\": 23", "\"endings\": 22", "adjacency");
    load_changed(folder, "{", "\"segments\": 0", "\"segments\": 0, \"degrees\": 7", "degrees");
}

static void counts_that_no_graph_can_have_are_refused(void **folder) {
    static const char room[] = "18446744073709551615"; /* wraps to what would fit */
    load_changed(folder, "{", "\"members\": 3", "\"members\": 268435456", NULL);
    load_changed(folder, "{", "\"members\": 3", "\"members\": 268435457", "members");
    load_changed(folder, "{", "\"ties\": 22, \"endings\": 23",
                 "\"ties\": 2305843009213693952, \"endings\": 2305843009213693953",
                 "ties, endings");
    load_changed(folder, "{", "\"ties\": 22, \"endings\": 23",
                 "\"ties\": 1099511627776, \"endings\": 1099511627777", "ties, endings");
    load_changed(folder, "{", "\"ties\": 22, \"endings\": 23",
                 "\"ties\": 1099511627775, \"endings\": 1099511627776", NULL);
    load_changed(folder, "{", "22", room, "ties, endings");
}

static void an_adjacency_shared_is_the_same_one(void **folder) {
    struct err err;
    (void)folder;
    struct generation earlier = generation_make();
    struct generation next = {0};
    MUST(generation_share_adjacency(&next, &earlier, &err));
    files_compare(&next.adjacency.file, &earlier.adjacency.file);
    files_compare(&next.adjacency.degrees, &earlier.adjacency.degrees);
    assert_int_equal(next.adjacency.segments, 1);
    assert_true(next.adjacency.members == earlier.adjacency.members &&
                next.adjacency.open_ties == earlier.adjacency.open_ties);
    generation_release(&earlier);
    generation_release(&next);
}

static void the_tail_is_what_the_later_segments_changed(void **folder) {
    (void)folder;
    struct generation generation = generation_make();
    assert_int_equal(generation_tail(&generation), 10 + 1 + 10 + 2);
    generation.adjacency.segments = 3;
    assert_int_equal(generation_tail(&generation), 0);
    generation_release(&generation);
}

static void items_of_lists_that_are_no_objects_are_refused(void **folder) {
    load_changed(folder, "{", "\"inputs\": [", "\"inputs\": [7, ", "first");
    load_changed(folder, "{", "\"segments\": [", "\"segments\": [[], ", "date");
}

static void a_text_that_is_no_manifest_is_refused(void **folder) {
    static const char *const texts[] = {"", "{", "[]", "{}", "null", "{\"date\": 1, \"date\": 1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err;
        char path[SCRATCH_PATH_BYTES];
        struct generation generation = {0};
        scratch_path(folder, "manifest.json", path);
        scratch_put_text(path, texts[i]);
        MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, path);
        generation_release(&generation);
    }
}

static void a_manifest_cut_anywhere_or_with_a_flipped_bit_is_refused(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct bytes text = {0};
    struct generation generation = generation_make();
    scratch_path(folder, "manifest.json", path);
    MUST(generation_save(&generation, path, &err));
    MUST(file_read_all(path, &text, &err));
    generation_release(&generation);
    for (size_t count = 0; count < text.count; count++) {
        scratch_put(path, text.data, count);
        MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, path);
        generation_release(&generation);
    }
    for (size_t bit = 0; bit < text.count * 8; bit++) {
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        text.data[bit / 8] ^= mask;
        scratch_put(path, text.data, text.count);
        MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, path);
        generation_release(&generation);
        text.data[bit / 8] ^= mask;
    }
    bytes_release(&text);
}

static void a_manifest_without_its_checksum_or_with_text_behind_it_is_refused(void **folder) {
    static const char *const tails[] = {"}", ",\n  \"xxh64\": \"0000000000000000\"\n}\n",
                                        ",\n  \"xxh64\": 7\n}\n"};
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    char text[sizeof right_manifest + 256];
    struct generation generation = {0};
    scratch_path(folder, "manifest.json", path);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        (void)snprintf(text, sizeof text, "%s%s", right_manifest, tails[i]);
        scratch_put_text(path, text);
        MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, "\"xxh64\" is missing");
        generation_release(&generation);
    }
    manifest_put(path, right_manifest);
    size_t count = scratch_get(path, text, sizeof text - 1);
    text[count] = '\n';
    scratch_put(path, text, count + 1);
    MUST_FAIL(generation_load(&generation, path, &err), FAILURE_DATA, "\"xxh64\" is missing");
    generation_release(&generation);
}

static void a_missing_file_or_folder_is_a_failure_of_input_and_output(void **folder) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    struct generation generation = {0};
    scratch_path(folder, "none.json", path);
    MUST_FAIL(generation_load(&generation, path, &err), FAILURE_IO, "none.json");
    scratch_path(folder, "none/manifest.json", path);
    generation = generation_make();
    MUST_FAIL(generation_save(&generation, path, &err), FAILURE_IO, "none/manifest.json");
    generation_release(&generation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_saved_manifest_loads_back_equal),
        SCRATCH_TEST(a_manifest_without_segments_and_inputs_loads_back_equal),
        SCRATCH_TEST(a_saved_manifest_is_the_same_text_each_time),
        cmocka_unit_test(an_input_is_found_by_its_name),
        SCRATCH_TEST(the_manifest_made_by_hand_loads),
        SCRATCH_TEST(a_manifest_without_facts_or_with_logs_of_tomorrow_loads),
        SCRATCH_TEST(counts_of_a_log_that_exceed_what_was_read_are_refused),
        SCRATCH_TEST(a_missing_key_is_refused_by_name),
        SCRATCH_TEST(a_value_of_another_type_is_refused_by_name),
        SCRATCH_TEST(a_version_or_a_word_that_is_unknown_is_refused_by_name),
        SCRATCH_TEST(a_manifest_of_a_later_layout_is_not_taken_for_a_damaged_one),
        SCRATCH_TEST(a_file_outside_the_state_folder_is_refused),
        SCRATCH_TEST(an_extent_that_ends_before_it_begins_is_refused),
        SCRATCH_TEST(a_mark_is_whole_and_of_a_record_that_was_read),
        SCRATCH_TEST(a_manifest_of_before_there_were_tails_loads),
        SCRATCH_TEST(an_adjacency_that_does_not_go_with_the_segments_is_refused),
        SCRATCH_TEST(counts_that_no_graph_can_have_are_refused),
        cmocka_unit_test(an_adjacency_shared_is_the_same_one),
        cmocka_unit_test(the_tail_is_what_the_later_segments_changed),
        SCRATCH_TEST(items_of_lists_that_are_no_objects_are_refused),
        SCRATCH_TEST(a_text_that_is_no_manifest_is_refused),
        SCRATCH_TEST(a_manifest_cut_anywhere_or_with_a_flipped_bit_is_refused),
        SCRATCH_TEST(a_manifest_without_its_checksum_or_with_text_behind_it_is_refused),
        SCRATCH_TEST(a_missing_file_or_folder_is_a_failure_of_input_and_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
