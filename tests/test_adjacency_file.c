#include "stages/adjacency/adjacency_file.h"
#include "stages/adjacency/neighbour_set.h"
#include "stages/base/random.h"
#include "tests/framing.h"
#include "tests/state_testing.h"

/* As in the module: a frame holds this many nodes at most, a wave this many frames. */
enum { FRAME_NODES = 1 << 16, WAVE_FRAMES = 16 };

/* A random graph; the ties of a tenth of the nodes stretch over neighbours in a row. */
static void rows_fill(struct rows *rows, size_t node_count, size_t tie_count, uint64_t seed) {
    struct err err;
    struct random random;
    random_seed(&random, seed);
    MUST(rows_grow(rows, node_count, &err));
    for (size_t tie = 0; tie < tie_count; tie++) {
        struct node_id a = {(uint32_t)random_below(&random, node_count)};
        struct node_id b = {(uint32_t)random_below(&random, node_count)};
        if (tie % 10 == 9) {
            a.v /= 100;
            b.v = (uint32_t)(tie / 10 % node_count);
        }
        const struct row *row = &rows_all(rows)[a.v];
        if (a.v != b.v && !row_is_connected_to(row_entries(rows, row), row->count, b)) {
            MUST(rows_push(rows, a, b.v, &err));
            MUST(rows_push(rows, b, a.v, &err));
        }
    }
}

static struct bytes file_make(void **folder, const struct rows *rows, unsigned threads) {
    struct err err;
    struct output *output = state_file_start(folder, "adjacency.tff");
    MUST(adjacency_save(rows, output, threads, &err));
    return state_file_finish(folder, "adjacency.tff", output);
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* The node's neighbours, ascending, in new memory. */
static uint32_t *neighbours_sorted(const struct rows *rows, size_t node, size_t *count) {
    const struct row *row = &rows_all(rows)[node];
    *count = row->count;
    uint32_t *sorted = calloc(*count + 1, sizeof *sorted);
    assert_non_null(sorted);
    if (*count != 0) {
        memcpy(sorted, row_entries(rows, row), *count * sizeof *sorted);
        qsort(sorted, *count, sizeof *sorted, compare_u32);
    }
    return sorted;
}

/* Returns the ties of the two graphs, which must be one. */
static uint64_t graphs_compare(const struct rows *a, const struct rows *b, size_t node_count) {
    uint64_t entries = 0;
    for (size_t node = 0; node < node_count; node++) {
        size_t count_a;
        size_t count_b;
        uint32_t *sorted_a = neighbours_sorted(a, node, &count_a);
        uint32_t *sorted_b = neighbours_sorted(b, node, &count_b);
        assert_int_equal(count_a, count_b);
        assert_true(memcmp(sorted_a, sorted_b, count_a * sizeof *sorted_a) == 0);
        free(sorted_a);
        free(sorted_b);
        entries += count_a;
    }
    return entries / 2;
}

struct size {
    size_t nodes;
    size_t ties;
};

static const struct size sizes[] = {
    {1, 0},
    {2, 9},
    {3, 20},
    {500, 30000},
    {FRAME_NODES - 1, 1000},
    {FRAME_NODES, 1000},
    {FRAME_NODES + 1, 1000},
    {3000, 900000}, /* frames that end by their entries */
    {FRAME_NODES * WAVE_FRAMES + 70000, 20000},
};

enum { SIZES = sizeof sizes / sizeof *sizes };

static void a_saved_graph_loads_back_at_every_size(void **folder) {
    for (size_t s = 0; s < SIZES; s++) {
        struct err err;
        struct rows rows = {0};
        rows_fill(&rows, sizes[s].nodes, sizes[s].ties, s);
        struct bytes file = file_make(folder, &rows, 2);
        struct adjacency loaded = {0};
        struct input *input = state_file_input(&file);
        MUST(adjacency_load(&loaded, input, sizes[s].nodes, &err));
        input_close(input);
        uint64_t ties = graphs_compare(&rows, &loaded.rows, sizes[s].nodes);
        assert_int_equal(loaded.open_count, ties);
        assert_true(sizes[s].ties == 0 || ties > 0);
        struct bytes again = file_make(folder, &loaded.rows, 1);
        assert_same_bytes(&file, &again);
        bytes_release(&file);
        rows_release(&rows);
        adjacency_release(&loaded);
    }
}

static void a_graph_without_members_is_an_end_frame(void **folder) {
    struct err err;
    struct rows rows = {0};
    struct adjacency loaded = {0};
    struct bytes file = file_make(folder, &rows, 2);
    struct input *input = state_file_input(&file);
    MUST(adjacency_load(&loaded, input, 0, &err));
    input_close(input);
    assert_int_equal(loaded.open_count, 0);
    struct framing framing = {0};
    framing_end(&framing);
    assert_same_bytes(&framing.file, &file);
    framing_release(&framing);
    adjacency_release(&loaded);
}

static void the_bytes_do_not_depend_on_threads(void **folder) {
    static const unsigned threads[] = {2, 5};
    for (size_t s = SIZES - 2; s < SIZES; s++) {
        struct rows rows = {0};
        rows_fill(&rows, sizes[s].nodes, sizes[s].ties, 100 + s);
        struct bytes alone = file_make(folder, &rows, 1);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            struct bytes shared = file_make(folder, &rows, threads[t]);
            assert_same_bytes(&alone, &shared);
        }
        bytes_release(&alone);
        rows_release(&rows);
    }
}

static void the_bytes_do_not_depend_on_the_order_of_a_row(void **folder) {
    struct err err;
    struct rows forward = {0};
    struct rows backward = {0};
    MUST(rows_grow(&forward, 50, &err));
    MUST(rows_grow(&backward, 50, &err));
    for (uint32_t other = 1; other < 50; other++) {
        MUST(rows_push(&forward, (struct node_id){0}, other, &err));
        MUST(rows_push(&backward, (struct node_id){0}, 50 - other, &err));
        MUST(rows_push(&forward, (struct node_id){other}, 0, &err));
        MUST(rows_push(&backward, (struct node_id){50 - other}, 0, &err));
    }
    struct bytes a = file_make(folder, &forward, 1);
    struct bytes b = file_make(folder, &backward, 1);
    assert_same_bytes(&a, &b);
    bytes_release(&a);
    rows_release(&forward);
    rows_release(&backward);
}

/* --- files made by hand --- */

/* A node's neighbours: `count` of them. */
struct mention {
    uint32_t count;
    uint32_t nodes[4];
};

/* A chain 0 - 1 - 2 - 3. */
static const struct mention chain[] = {{1, {1}}, {2, {0, 2}}, {2, {1, 3}}, {1, {2}}};

/* The payload of a frame of these nodes; new memory. */
static struct bytes payload_make(const struct mention *mentions, uint32_t nodes) {
    struct err err;
    struct bytes payload = {0};
    MUST(bytes_reserve(&payload, nodes * 4 + 1, &err));
    payload.count = nodes * 4;
    for (uint32_t i = 0; i < nodes; i++) {
        size_t before = payload.count;
        MUST(neighbour_set_encode_u32(mentions[i].nodes, mentions[i].count, &payload, &err));
        put_u32(payload.data + (size_t)i * 4, (uint32_t)(payload.count - before));
    }
    return payload;
}

static void payload_put(struct framing *framing, enum frame_kind kind, int64_t first,
                        uint32_t items, const struct bytes *payload) {
    struct frame frame = {kind, items, first, first + (int64_t)items - 1, payload->count};
    framing_put(framing, frame, payload->data);
}

static void nodes_put(struct framing *framing, int64_t first, const struct mention *mentions,
                      uint32_t nodes) {
    struct bytes payload = payload_make(mentions, nodes);
    payload_put(framing, FRAME_ADJACENCY, first, nodes, &payload);
    bytes_release(&payload);
}

/* What a visitor saw. */
struct seen {
    uint32_t next_node;
    uint64_t entries;
    uint32_t fail_at;
};

static struct status node_see(void *context, struct node_id node, const uint32_t *neighbours,
                              size_t count, struct err *err) {
    struct seen *seen = context;
    assert_int_equal(node.v, seen->next_node++);
    if (node.v == seen->fail_at) {
        return err_set(err, FAILURE_IO, "the visitor's disk is full");
    }
    for (size_t i = 1; i < count; i++) {
        assert_true(neighbours[i - 1] < neighbours[i]);
    }
    seen->entries += count;
    return status_ok();
}

/* Neither a load nor a visit may accept the file. */
static void bytes_must_fail(const struct bytes *file, size_t node_count, const char *part) {
    struct err err;
    struct adjacency adjacency = {0};
    struct seen seen = {.fail_at = UINT32_MAX};
    struct input *input = state_file_input(file);
    MUST_FAIL(adjacency_load(&adjacency, input, node_count, &err), FAILURE_DATA, part);
    assert_non_null(strstr(err.text, "memory.tff"));
    input_close(input);
    adjacency_release(&adjacency);
    input = state_file_input(file);
    MUST_FAIL(adjacency_visit(input, node_count, node_see, &seen, &err), FAILURE_DATA, part);
    input_close(input);
}

/* Ends and releases the file. */
static void must_fail(struct framing *framing, size_t node_count, const char *part) {
    framing_end(framing);
    bytes_must_fail(&framing->file, node_count, part);
    framing_release(framing);
}

static void a_visit_shows_every_node_once_with_ascending_neighbours(void **folder) {
    (void)folder;
    struct err err;
    struct framing framing = {0};
    nodes_put(&framing, 0, chain, 1);
    nodes_put(&framing, 1, chain + 1, 3);
    framing_end(&framing);
    struct seen seen = {.fail_at = UINT32_MAX};
    struct input *input = state_file_input(&framing.file);
    MUST(adjacency_visit(input, 4, node_see, &seen, &err));
    input_close(input);
    assert_int_equal(seen.next_node, 4);
    assert_int_equal(seen.entries, 6);
    struct adjacency adjacency = {0};
    input = state_file_input(&framing.file);
    MUST(adjacency_load(&adjacency, input, 4, &err));
    input_close(input);
    assert_int_equal(adjacency.open_count, 3);
    adjacency_release(&adjacency);
    framing_release(&framing);
}

static void a_failure_of_the_visitor_ends_the_visit_and_is_handed_on(void **folder) {
    (void)folder;
    struct err err;
    struct framing framing = {0};
    nodes_put(&framing, 0, chain, 4);
    framing_end(&framing);
    struct seen seen = {.fail_at = 2};
    struct input *input = state_file_input(&framing.file);
    MUST_FAIL(adjacency_visit(input, 4, node_see, &seen, &err), FAILURE_IO, "disk is full");
    input_close(input);
    assert_int_equal(seen.next_node, 3);
    framing_release(&framing);
}

static void a_gap_or_an_overlap_between_frames_is_refused(void **folder) {
    (void)folder;
    static const int64_t wrong_firsts[] = {0, 1, 3, -2, INT64_MIN, INT64_MAX - 2};
    for (size_t i = 0; i < sizeof wrong_firsts / sizeof *wrong_firsts; i++) {
        struct framing framing = {0};
        nodes_put(&framing, 0, chain, 2);
        nodes_put(&framing, wrong_firsts[i], chain + 2, 2);
        must_fail(&framing, 4, "next frame");
    }
}

static void a_frame_of_another_kind_is_refused(void **folder) {
    (void)folder;
    struct framing framing = {0};
    struct bytes payload = payload_make(chain, 4);
    payload_put(&framing, FRAME_DICTIONARY, 0, 4, &payload);
    bytes_release(&payload);
    must_fail(&framing, 4, "kind 2");
}

static void a_file_with_more_or_fewer_nodes_than_the_dictionary_is_refused(void **folder) {
    (void)folder;
    struct framing framing = {0};
    nodes_put(&framing, 0, chain, 4);
    must_fail(&framing, 5, "4 of 5 nodes");
    nodes_put(&framing, 0, (const struct mention[]){{0, {0}}, {0, {0}}}, 2);
    must_fail(&framing, 1, "next frame");
    must_fail(&framing, 1, "0 of 1 nodes");
}

static void a_neighbour_that_does_not_exist_is_refused(void **folder) {
    (void)folder;
    static const struct mention foreign[] = {{1, {2}}, {0, {0}}};
    struct framing framing = {0};
    nodes_put(&framing, 0, foreign, 2);
    must_fail(&framing, 2, "below 2");
}

static void a_node_that_is_its_own_neighbour_is_refused(void **folder) {
    (void)folder;
    static const struct mention mentions[] = {{1, {1}}, {2, {0, 1}}};
    struct framing framing = {0};
    nodes_put(&framing, 0, mentions, 2);
    must_fail(&framing, 2, "node 1 is its own neighbour");
}

static void a_tie_with_one_side_missing_is_refused(void **folder) {
    (void)folder;
    static const struct mention one_side[] = {{1, {1}}, {0, {0}}};
    static const struct mention two_halves[] = {{1, {1}}, {0, {0}}, {0, {0}}, {1, {2}}};
    static const struct mention circle[] = {{1, {1}}, {1, {2}}, {1, {3}}, {1, {0}}};
    struct framing framing = {0};
    nodes_put(&framing, 0, one_side, 2);
    must_fail(&framing, 2, "two sides");
    nodes_put(&framing, 0, two_halves, 4);
    must_fail(&framing, 4, "two sides");
    nodes_put(&framing, 0, circle, 4);
    must_fail(&framing, 4, "two sides");
}

static void counts_and_lengths_that_do_not_fit_the_payload_are_refused(void **folder) {
    (void)folder;
    struct err err;
    struct framing framing = {0};
    struct bytes payload = payload_make(chain, 4);
    payload_put(&framing, FRAME_ADJACENCY, 0, 5, &payload); /* more items than lengths */
    must_fail(&framing, 5, "damaged");
    payload_put(&framing, FRAME_ADJACENCY, 0, 3, &payload); /* fewer */
    must_fail(&framing, 3, "damaged");
    payload_put(&framing, FRAME_ADJACENCY, 0, LIMIT_FRAME_ITEMS, &payload);
    must_fail(&framing, LIMIT_NODES, "damaged");
    static const uint32_t lengths[] = {0, 1, 17, 19, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint32_t right = (uint32_t)payload.data[12] | (uint32_t)payload.data[13] << 8;
        assert_int_equal(right, 18);
        put_u32(payload.data + 12, lengths[i]);
        payload_put(&framing, FRAME_ADJACENCY, 0, 4, &payload);
        must_fail(&framing, 4, "damaged");
        put_u32(payload.data + 12, right);
    }
    payload.count = 3; /* not even the lengths */
    payload_put(&framing, FRAME_ADJACENCY, 0, 1, &payload);
    must_fail(&framing, 1, "damaged");
    bytes_release(&payload);
    payload = payload_make(chain, 4);
    MUST(bytes_append(&payload, "litter", 6, &err));
    payload_put(&framing, FRAME_ADJACENCY, 0, 4, &payload);
    must_fail(&framing, 4, "damaged");
    bytes_release(&payload);
}

static void a_file_cut_anywhere_is_refused(void **folder) {
    struct rows rows = {0};
    rows_fill(&rows, 30, 60, 7);
    struct bytes file = file_make(folder, &rows, 1);
    for (size_t count = 0; count < file.count; count++) {
        struct bytes cut = {.data = file.data, .count = count};
        bytes_must_fail(&cut, 30, "");
    }
    bytes_release(&file);
    rows_release(&rows);
}

static void a_file_with_any_flipped_bit_is_refused(void **folder) {
    struct rows rows = {0};
    rows_fill(&rows, 10, 20, 8);
    struct bytes file = file_make(folder, &rows, 1);
    for (size_t bit = 0; bit < file.count * 8; bit++) {
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        file.data[bit / 8] ^= mask;
        bytes_must_fail(&file, 10, "");
        file.data[bit / 8] ^= mask;
    }
    bytes_release(&file);
    rows_release(&rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_saved_graph_loads_back_at_every_size),
        SCRATCH_TEST(a_graph_without_members_is_an_end_frame),
        SCRATCH_TEST(the_bytes_do_not_depend_on_threads),
        SCRATCH_TEST(the_bytes_do_not_depend_on_the_order_of_a_row),
        cmocka_unit_test(a_visit_shows_every_node_once_with_ascending_neighbours),
        cmocka_unit_test(a_failure_of_the_visitor_ends_the_visit_and_is_handed_on),
        cmocka_unit_test(a_gap_or_an_overlap_between_frames_is_refused),
        cmocka_unit_test(a_frame_of_another_kind_is_refused),
        cmocka_unit_test(a_file_with_more_or_fewer_nodes_than_the_dictionary_is_refused),
        cmocka_unit_test(a_neighbour_that_does_not_exist_is_refused),
        cmocka_unit_test(a_node_that_is_its_own_neighbour_is_refused),
        cmocka_unit_test(a_tie_with_one_side_missing_is_refused),
        cmocka_unit_test(counts_and_lengths_that_do_not_fit_the_payload_are_refused),
        SCRATCH_TEST(a_file_cut_anywhere_is_refused),
        SCRATCH_TEST(a_file_with_any_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
