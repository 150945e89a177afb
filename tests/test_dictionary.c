#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/random.h"
#include "stages/dictionary/dictionary.h"
#include "tests/framing.h"
#include "tests/state_testing.h"

enum { FRAME_MEMBERS = 1 << 17 };

/* `count` distinct ids, the two ends of the range among them. */
static struct member_id *members_make(size_t count) {
    struct member_id *members = calloc(count + 1, sizeof *members);
    assert_non_null(members);
    for (size_t i = 0; i < count; i++) {
        members[i].v = random_mix(i); /* one-to-one */
    }
    if (count > 1) {
        members[0].v = UINT64_MAX;
        members[count / 2].v = 0;
    }
    return members;
}

static void dictionary_fill(struct dictionary *dictionary, const struct member_id *members,
                            size_t count) {
    struct err err;
    struct node_id *nodes = calloc(count + 1, sizeof *nodes);
    assert_non_null(nodes);
    MUST(dictionary_resolve(dictionary, members, count, nodes, &err));
    free(nodes);
}

/* Builds the dictionary of members_make(count) and returns its file. */
static struct bytes file_make(void **folder, size_t count) {
    struct err err;
    struct dictionary dictionary = {0};
    struct member_id *members = members_make(count);
    dictionary_fill(&dictionary, members, count);
    struct output *output = state_file_start(folder, "dictionary.tff");
    MUST(dictionary_save(&dictionary, output, &err));
    dictionary_release(&dictionary);
    free(members);
    return state_file_finish(folder, "dictionary.tff", output);
}

static void nodes_are_numbered_in_order_of_first_appearance(void **folder) {
    (void)folder;
    struct err err;
    struct dictionary dictionary = {0};
    const struct member_id members[] = {{7}, {UINT64_MAX}, {7}, {0}, {UINT64_MAX}, {0}, {8}};
    const uint32_t expected[] = {0, 1, 0, 2, 1, 2, 3};
    struct node_id nodes[7];
    MUST(dictionary_resolve(&dictionary, members, 7, nodes, &err));
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(nodes[i].v, expected[i]);
        assert_true(dictionary_member(&dictionary, nodes[i]).v == members[i].v);
    }
    assert_int_equal(dictionary_count(&dictionary), 4);
    dictionary_release(&dictionary);
}

static void numbering_does_not_depend_on_how_calls_are_cut(void **folder) {
    (void)folder;
    enum { COUNT = 20000, DISTINCT = 5000 };
    struct err err;
    struct random random;
    random_seed(&random, 1);
    struct member_id *members = calloc(COUNT, sizeof *members);
    struct node_id *whole = calloc(COUNT, sizeof *whole);
    struct node_id *cut = calloc(COUNT, sizeof *cut);
    assert_true(members != NULL && whole != NULL && cut != NULL);
    for (size_t i = 0; i < COUNT; i++) {
        members[i].v = random_mix(random_below(&random, DISTINCT));
    }
    struct dictionary at_once = {0};
    struct dictionary in_pieces = {0};
    MUST(dictionary_resolve(&at_once, members, COUNT, whole, &err));
    for (size_t first = 0; first < COUNT;) {
        size_t count = random_below(&random, 100);
        count = count < COUNT - first ? count : COUNT - first;
        MUST(dictionary_resolve(&in_pieces, members + first, count, cut + first, &err));
        first += count;
    }
    assert_memory_equal(whole, cut, COUNT * sizeof *cut);
    uint32_t next = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(whole[i].v <= next);
        next += whole[i].v == next;
        assert_true(dictionary_member(&at_once, whole[i]).v == members[i].v);
    }
    assert_int_equal(next, dictionary_count(&at_once));
    dictionary_release(&at_once);
    dictionary_release(&in_pieces);
    free(members);
    free(whole);
    free(cut);
}

static void a_saved_dictionary_loads_back_at_every_size(void **folder) {
    static const size_t sizes[] = {0,
                                   1,
                                   2,
                                   31,
                                   32,
                                   33,
                                   1000,
                                   FRAME_MEMBERS - 1,
                                   FRAME_MEMBERS,
                                   FRAME_MEMBERS + 1,
                                   3 * FRAME_MEMBERS + 5};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct err err;
        size_t count = sizes[s];
        struct bytes file = file_make(folder, count);
        struct dictionary loaded = {0};
        struct input *input = state_file_input(&file);
        MUST(dictionary_load(&loaded, input, &err));
        input_close(input);
        assert_int_equal(dictionary_count(&loaded), count);
        struct member_id *members = members_make(count);
        struct node_id *nodes = calloc(count + 1, sizeof *nodes);
        assert_non_null(nodes);
        MUST(dictionary_resolve(&loaded, members, count, nodes, &err));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(nodes[i].v, i);
        }
        assert_int_equal(dictionary_count(&loaded), count);
        const struct member_id stranger = {random_mix(count + 1)};
        MUST(dictionary_resolve(&loaded, &stranger, 1, nodes, &err));
        assert_int_equal(nodes[0].v, count);
        free(members);
        free(nodes);
        bytes_release(&file);
        dictionary_release(&loaded);
    }
}

/* Nodes of members_make(count) are 0 .. count - 1 under `numbers`, from `first` on. */
static void assert_numbered(struct dictionary *dictionary, size_t count, size_t first,
                            const uint32_t *numbers) {
    struct err err;
    struct member_id *members = members_make(count);
    struct node_id *nodes = calloc(count + 1, sizeof *nodes);
    assert_non_null(nodes);
    MUST(dictionary_resolve(dictionary, members, count, nodes, &err));
    assert_int_equal(dictionary_count(dictionary), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(nodes[i].v, i < first ? i : numbers[i - first]);
        assert_true(dictionary_member(dictionary, nodes[i]).v == members[i].v);
    }
    free(members);
    free(nodes);
}

static void the_hash_table_is_built_anew_after_it_was_shed(void **folder) {
    (void)folder;
    static const size_t sizes[] = {0, 1, 511, 512, 513, 5000, 100000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct err err;
        struct dictionary dictionary = {0};
        struct member_id *members = members_make(sizes[s]);
        dictionary_fill(&dictionary, members, sizes[s]);
        dictionary_shed(&dictionary);
        for (size_t i = 0; i < sizes[s]; i++) {
            struct node_id node = {(uint32_t)i};
            assert_true(dictionary_member(&dictionary, node).v == members[i].v);
        }
        assert_numbered(&dictionary, sizes[s], sizes[s], NULL);
        dictionary_shed(&dictionary);
        dictionary_shed(&dictionary);
        const struct member_id stranger = {random_mix(sizes[s] + 1)};
        struct node_id node;
        MUST(dictionary_resolve(&dictionary, &stranger, 1, &node, &err));
        assert_int_equal(node.v, sizes[s]);
        free(members);
        dictionary_release(&dictionary);
    }
}

static void nodes_take_the_numbers_that_they_are_given(void **folder) {
    (void)folder;
    enum { COUNT = 3000 };
    static const size_t firsts[] = {0, 1, 1000, COUNT - 1, COUNT};
    for (size_t f = 0; f < sizeof firsts / sizeof *firsts; f++) {
        for (int shed = 0; shed < 2; shed++) {
            struct err err;
            struct random random;
            struct dictionary dictionary = {0};
            struct member_id *members = members_make(COUNT);
            uint32_t numbers[COUNT];
            size_t count = COUNT - firsts[f];
            random_seed(&random, f);
            for (size_t i = 0; i < count; i++) {
                size_t j = (size_t)random_below(&random, i + 1);
                numbers[i] = numbers[j];
                numbers[j] = (uint32_t)(firsts[f] + i);
            }
            dictionary_fill(&dictionary, members, COUNT);
            if (shed != 0) {
                dictionary_shed(&dictionary);
            }
            MUST(dictionary_renumber(&dictionary, firsts[f], numbers, &err));
            assert_numbered(&dictionary, COUNT, firsts[f], numbers);
            free(members);
            dictionary_release(&dictionary);
        }
    }
}

static void must_not_load(const struct bytes *file, const char *part) {
    struct err err;
    struct dictionary dictionary = {0};
    struct input *input = state_file_input(file);
    MUST_FAIL(dictionary_load(&dictionary, input, &err), FAILURE_DATA, part);
    assert_non_null(strstr(err.text, "memory.tff"));
    input_close(input);
    dictionary_release(&dictionary);
}

/* A frame of the ids members[0 .. count). */
static void members_put(struct framing *framing, enum frame_kind kind, int64_t first,
                        uint32_t items, const uint64_t *members, size_t count) {
    uint8_t planes[64];
    assert_true(count * sizeof *members <= sizeof planes);
    columns_split_u64(members, count, planes);
    struct frame frame = {kind, items, first, first + (int64_t)items - 1, count * sizeof *members};
    framing_put(framing, frame, planes);
}

static void a_file_with_a_gap_or_an_overlap_between_frames_is_refused(void **folder) {
    (void)folder;
    static const uint64_t members[] = {5, 6, 7, 8};
    static const int64_t wrong_firsts[] = {0, 1, 3, -2, INT64_MIN, INT64_MAX - 2};
    for (size_t i = 0; i < sizeof wrong_firsts / sizeof *wrong_firsts; i++) {
        struct framing framing = {0};
        members_put(&framing, FRAME_DICTIONARY, 0, 2, members, 2);
        members_put(&framing, FRAME_DICTIONARY, wrong_firsts[i], 2, members + 2, 2);
        framing_end(&framing);
        must_not_load(&framing.file, "next frame");
        framing_release(&framing);
    }
}

static void a_frame_of_another_kind_is_refused(void **folder) {
    (void)folder;
    static const uint64_t members[] = {5, 6};
    struct framing framing = {0};
    members_put(&framing, FRAME_ADJACENCY, 0, 2, members, 2);
    framing_end(&framing);
    must_not_load(&framing.file, "kind 3");
    framing_release(&framing);
}

static void a_frame_whose_count_is_not_that_of_its_bytes_is_refused(void **folder) {
    (void)folder;
    static const uint64_t members[] = {5, 6, 7};
    for (uint32_t items = 0; items < 6; items++) {
        struct framing framing = {0};
        members_put(&framing, FRAME_DICTIONARY, 0, items, members, 3);
        framing_end(&framing);
        if (items != 3) {
            must_not_load(&framing.file, "24 bytes");
        }
        framing_release(&framing);
    }
}

static void a_frame_without_members_is_refused(void **folder) {
    (void)folder;
    struct framing framing = {0};
    members_put(&framing, FRAME_DICTIONARY, 0, 0, NULL, 0);
    framing_end(&framing);
    must_not_load(&framing.file, "0 items in 0 bytes");
    framing_release(&framing);
}

static void a_member_that_stands_twice_is_refused_by_name(void **folder) {
    (void)folder;
    static const uint64_t in_one_frame[] = {5, UINT64_MAX, 5};
    static const uint64_t again[] = {9, UINT64_MAX};
    struct framing framing = {0};
    members_put(&framing, FRAME_DICTIONARY, 0, 3, in_one_frame, 3);
    framing_end(&framing);
    must_not_load(&framing.file, "member 5 stands twice");
    framing_release(&framing);
    members_put(&framing, FRAME_DICTIONARY, 0, 2, in_one_frame, 2);
    members_put(&framing, FRAME_DICTIONARY, 2, 2, again, 2);
    framing_end(&framing);
    must_not_load(&framing.file, "member 18446744073709551615 stands twice");
    framing_release(&framing);
}

static void a_file_cut_anywhere_is_refused(void **folder) {
    struct bytes file = file_make(folder, 100);
    for (size_t count = 0; count < file.count; count++) {
        struct bytes cut = {.data = file.data, .count = count};
        must_not_load(&cut, "");
    }
    bytes_release(&file);
}

static void a_file_with_any_flipped_bit_is_refused(void **folder) {
    struct bytes file = file_make(folder, 20);
    for (size_t bit = 0; bit < file.count * 8; bit++) {
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        file.data[bit / 8] ^= mask;
        must_not_load(&file, "");
        file.data[bit / 8] ^= mask;
    }
    bytes_release(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_numbered_in_order_of_first_appearance),
        cmocka_unit_test(numbering_does_not_depend_on_how_calls_are_cut),
        cmocka_unit_test(the_hash_table_is_built_anew_after_it_was_shed),
        cmocka_unit_test(nodes_take_the_numbers_that_they_are_given),
        SCRATCH_TEST(a_saved_dictionary_loads_back_at_every_size),
        cmocka_unit_test(a_file_with_a_gap_or_an_overlap_between_frames_is_refused),
        cmocka_unit_test(a_frame_of_another_kind_is_refused),
        cmocka_unit_test(a_frame_whose_count_is_not_that_of_its_bytes_is_refused),
        cmocka_unit_test(a_frame_without_members_is_refused),
        cmocka_unit_test(a_member_that_stands_twice_is_refused_by_name),
        SCRATCH_TEST(a_file_cut_anywhere_is_refused),
        SCRATCH_TEST(a_file_with_any_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
