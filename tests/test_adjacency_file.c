#include "stages/adjacency/adjacency_file.h"
#include "stages/adjacency/neighbour_set.h"
#include "stages/adjacency/node_set.h"
#include "tests/framing.h"
#include "tests/row_testing.h"
#include "tests/state_testing.h"

/* As in the module: a frame ends with the node that brings it to this many neighbours or nodes. */
enum { FRAME_NODES = 1 << 16, FRAME_ENTRIES = 1 << 18 };

/* A graph: per node its neighbours, in no order. */
struct graph {
    uint32_t nodes;
    struct row_list *lists;
};

static bool graph_has(const struct graph *graph, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < graph->lists[a].count; i++) {
        if (graph->lists[a].entries[i] == b) {
            return true;
        }
    }
    return false;
}

/* A random one; the ties of a tenth of the nodes stretch over neighbours in a row. */
static struct graph graph_make(uint32_t nodes, uint32_t ties, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    struct graph graph = {.nodes = nodes, .lists = calloc(nodes + 1U, sizeof *graph.lists)};
    assert_non_null(graph.lists);
    for (uint32_t tie = 0; tie < ties; tie++) {
        uint32_t a = (uint32_t)random_below(&random, nodes);
        uint32_t b = (uint32_t)random_below(&random, nodes);
        if (tie % 10 == 9) {
            a /= 100;
            b = tie / 10 % nodes;
        }
        if (a != b && !graph_has(&graph, a, b)) {
            row_list_push(&graph.lists[a], b);
            row_list_push(&graph.lists[b], a);
        }
    }
    return graph;
}

static void graph_free(struct graph *graph) {
    row_lists_free(graph->lists, graph->nodes);
}

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Every node's neighbours, ascending. */
static void graph_sort(struct graph *graph) {
    for (uint32_t node = 0; node < graph->nodes; node++) {
        if (graph->lists[node].count != 0) {
            qsort(graph->lists[node].entries, graph->lists[node].count, sizeof(uint32_t),
                  compare_u32);
        }
    }
}

/* The settled rows of the nodes [first, end). */
static struct arrival_rows slice_make(const struct graph *graph, uint32_t first, uint32_t end) {
    struct err err;
    struct arrival_rows rows = {0};
    MUST(arrival_rows_begin(&rows, first, end, &err));
    uint64_t *offsets = rows.offsets.data;
    for (uint32_t node = first; node < end; node++) {
        offsets[node - first + 1] = offsets[node - first] + graph->lists[node].count;
    }
    MUST(pages_grow(&rows.entries, offsets[end - first] * sizeof(uint32_t) + 1, "rows", &err));
    for (uint32_t node = first; node < end; node++) {
        const struct row_list *list = &graph->lists[node];
        if (list->count != 0) {
            memcpy((uint32_t *)rows.entries.data + offsets[node - first], list->entries,
                   list->count * sizeof *list->entries);
        }
    }
    return rows;
}

/* Writes the graph in slices whose ends are random. */
static struct bytes file_make(void **folder, const struct graph *graph, uint32_t slices,
                              unsigned threads) {
    struct err err;
    struct random random;
    random_seed(&random, slices);
    struct adjacency_writer *writer;
    struct output *output = state_file_start(folder, "adjacency.tff");
    MUST(adjacency_writer_new(&writer, output, threads, &err));
    uint32_t first = 0;
    for (uint32_t slice = 1; slice <= slices; slice++) {
        uint32_t left = graph->nodes - first;
        uint32_t end = slice == slices
                           ? graph->nodes
                           : first + (uint32_t)random_below(&random, 2 * left / slices + 1);
        end = end < graph->nodes ? end : graph->nodes;
        struct arrival_rows rows = slice_make(graph, first, end);
        MUST(adjacency_writer_put(writer, &rows, &err));
        arrival_rows_release(&rows);
        first = end;
    }
    MUST(adjacency_writer_end(writer, &err));
    adjacency_writer_free(writer);
    return state_file_finish(folder, "adjacency.tff", output);
}

/* The file as the header describes it, made node by node through CRoaring, for a sorted graph. */
static struct bytes file_expected(const struct graph *graph) {
    struct err err;
    struct framing framing = {0};
    for (uint32_t first = 0; first < graph->nodes;) {
        uint32_t end = first;
        uint64_t entries = 0;
        while (end < graph->nodes && end - first < FRAME_NODES && entries < FRAME_ENTRIES) {
            entries += graph->lists[end++].count;
        }
        struct bytes payload = {0};
        struct frame frame = {FRAME_ADJACENCY, end - first, first, (int64_t)end - 1, 0};
        MUST(bytes_reserve(&payload, frame.items * sizeof(uint32_t), &err));
        payload.count = frame.items * sizeof(uint32_t);
        for (uint32_t node = first; node < end; node++) {
            size_t before = payload.count;
            struct node_set *set;
            MUST(node_set_new(&set, graph->lists[node].entries, graph->lists[node].count, &err));
            MUST(node_set_encode(set, &payload, &err));
            node_set_free(set);
            put_u32(payload.data + (node - first) * sizeof(uint32_t),
                    (uint32_t)(payload.count - before));
        }
        frame.payload_bytes = payload.count;
        framing_put(&framing, frame, payload.data);
        bytes_release(&payload);
        first = end;
    }
    framing_end(&framing);
    return framing.file;
}

struct size {
    uint32_t nodes;
    uint32_t ties;
};

static const struct size sizes[] = {
    {0, 0},
    {1, 0},
    {2, 9},
    {3, 20},
    {500, 30000},
    {FRAME_NODES - 1, 1000},
    {FRAME_NODES, 1000},
    {FRAME_NODES + 1, 1000},
    {3000, 600000}, /* frames that end by their entries */
    {FRAME_NODES * 16 + 70000, 20000},
};

enum { SIZES = sizeof sizes / sizeof *sizes };

static void the_bytes_are_those_of_the_format_whatever_the_slices_and_threads(void **folder) {
    static const struct {
        uint32_t slices;
        unsigned threads;
    } manners[] = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {10, 2}, {40, 1}};
    for (size_t s = 0; s < SIZES; s++) {
        struct graph graph = graph_make(sizes[s].nodes, sizes[s].ties, s);
        struct bytes files[sizeof manners / sizeof *manners];
        for (size_t m = 0; m < sizeof manners / sizeof *manners; m++) {
            files[m] = file_make(folder, &graph, manners[m].slices, manners[m].threads);
        }
        graph_sort(&graph);
        struct bytes expected = file_expected(&graph);
        for (size_t m = 0; m < sizeof manners / sizeof *manners; m++) {
            assert_same_bytes(&expected, &files[m]);
        }
        bytes_release(&expected);
        graph_free(&graph);
    }
}

/* What a visitor should see. */
struct tour {
    const struct graph *graph; /* sorted */
    const struct node_scope *scope;
    uint32_t next;
};

static struct status node_tour(void *context, struct node_id node, const uint32_t *neighbours,
                               size_t count, struct err *err) {
    struct tour *tour = context;
    (void)err;
    while (tour->next < node.v) {
        assert_false(node_scope_has(tour->scope, tour->next++));
    }
    assert_int_equal(node.v, tour->next++);
    assert_true(node_scope_has(tour->scope, node.v));
    assert_int_equal(count, tour->graph->lists[node.v].count);
    assert_true(count == 0 || memcmp(neighbours, tour->graph->lists[node.v].entries,
                                     count * sizeof *neighbours) == 0);
    return status_ok();
}

static void scope_check(const struct graph *graph, const struct bytes *file,
                        const struct node_scope *scope, unsigned threads) {
    struct err err;
    struct tour tour = {graph, scope, 0};
    struct input *input = state_file_input(file);
    MUST(adjacency_load_nodes(input, graph->nodes, scope, threads, node_tour, &tour, &err));
    input_close(input);
    for (; tour.next < graph->nodes; tour.next++) {
        assert_false(node_scope_has(scope, tour.next));
    }
}

static void any_scope_is_visited_in_order(void **folder) {
    struct random random;
    random_seed(&random, 3);
    for (size_t s = 0; s < SIZES; s++) {
        uint32_t nodes = sizes[s].nodes;
        struct graph graph = graph_make(nodes, sizes[s].ties, 50 + s);
        struct bytes file = file_make(folder, &graph, 2, 2);
        graph_sort(&graph);
        uint64_t *wanted = calloc(nodes / 64 + 1, sizeof *wanted);
        assert_non_null(wanted);
        for (uint32_t i = 0; i < nodes / 50; i++) {
            uint32_t node = (uint32_t)random_below(&random, nodes);
            wanted[node >> 6] |= UINT64_C(1) << (node & 63);
        }
        for (unsigned threads = 1; threads <= 3; threads++) {
            struct node_scope scope = {0, nodes, NULL};
            scope_check(&graph, &file, &scope, threads);
            scope.wanted = wanted;
            scope_check(&graph, &file, &scope, threads);
            scope.first = nodes / 3;
            scope.end = nodes - nodes / 3;
            scope_check(&graph, &file, &scope, threads);
            scope.wanted = NULL;
            scope_check(&graph, &file, &scope, threads);
            scope.end = scope.first;
            scope_check(&graph, &file, &scope, threads);
        }
        free(wanted);
        bytes_release(&file);
        graph_free(&graph);
    }
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

/* A visit may not accept the file. */
static void bytes_must_fail(const struct bytes *file, size_t node_count, const char *part) {
    struct err err;
    struct seen seen = {.fail_at = UINT32_MAX};
    struct input *input = state_file_input(file);
    MUST_FAIL(adjacency_visit(input, node_count, node_see, &seen, &err), FAILURE_DATA, part);
    assert_non_null(strstr(err.text, "memory.tff"));
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

/* Nor may who wants none of the nodes. */
static void nobody_must_fail(const struct bytes *file, size_t node_count) {
    struct err err;
    struct seen seen = {.fail_at = UINT32_MAX};
    struct node_scope nobody = {0};
    struct input *input = state_file_input(file);
    MUST_FAIL(adjacency_load_nodes(input, node_count, &nobody, 2, node_see, &seen, &err),
              FAILURE_DATA, "memory.tff");
    input_close(input);
}

static void a_frame_that_goes_on_when_it_is_full_is_refused(void **folder) {
    (void)folder;
    struct err err;
    struct framing framing = {0};
    struct bytes payload = {0};
    enum { NODES = FRAME_ENTRIES / 2 + 2 };
    uint32_t *others = calloc(NODES, sizeof *others);
    assert_non_null(others);
    MUST(bytes_append(&payload, (const uint32_t[3]){0}, 3 * sizeof(uint32_t), &err));
    for (uint32_t node = 0; node < 3; node++) {
        size_t before = payload.count;
        for (uint32_t i = 0; i < NODES - 1; i++) {
            others[i] = i + (i >= node);
        }
        MUST(neighbour_set_encode_u32(others, NODES - 1, &payload, &err));
        put_u32(payload.data + (size_t)node * 4, (uint32_t)(payload.count - before));
    }
    payload_put(&framing, FRAME_ADJACENCY, 0, 3, &payload);
    must_fail(&framing, NODES, "node 2 stands in a frame that was full");
    bytes_release(&payload);
    free(others);
}

static void a_file_cut_anywhere_is_refused(void **folder) {
    struct graph graph = graph_make(30, 60, 7);
    struct bytes file = file_make(folder, &graph, 1, 1);
    for (size_t count = 0; count < file.count; count++) {
        struct bytes cut = {.data = file.data, .count = count};
        bytes_must_fail(&cut, 30, "");
        nobody_must_fail(&cut, 30);
    }
    bytes_release(&file);
    graph_free(&graph);
}

static void a_file_with_any_flipped_bit_is_refused(void **folder) {
    struct graph graph = graph_make(10, 20, 8);
    struct bytes file = file_make(folder, &graph, 1, 1);
    for (size_t bit = 0; bit < file.count * 8; bit++) {
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        file.data[bit / 8] ^= mask;
        bytes_must_fail(&file, 10, "");
        nobody_must_fail(&file, 10);
        file.data[bit / 8] ^= mask;
    }
    bytes_release(&file);
    graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(the_bytes_are_those_of_the_format_whatever_the_slices_and_threads),
        SCRATCH_TEST(any_scope_is_visited_in_order),
        cmocka_unit_test(a_visit_shows_every_node_once_with_ascending_neighbours),
        cmocka_unit_test(a_failure_of_the_visitor_ends_the_visit_and_is_handed_on),
        cmocka_unit_test(a_gap_or_an_overlap_between_frames_is_refused),
        cmocka_unit_test(a_frame_of_another_kind_is_refused),
        cmocka_unit_test(a_file_with_more_or_fewer_nodes_than_the_dictionary_is_refused),
        cmocka_unit_test(a_neighbour_that_does_not_exist_is_refused),
        cmocka_unit_test(a_node_that_is_its_own_neighbour_is_refused),
        cmocka_unit_test(a_tie_with_one_side_missing_is_refused),
        cmocka_unit_test(counts_and_lengths_that_do_not_fit_the_payload_are_refused),
        cmocka_unit_test(a_frame_that_goes_on_when_it_is_full_is_refused),
        SCRATCH_TEST(a_file_cut_anywhere_is_refused),
        SCRATCH_TEST(a_file_with_any_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
