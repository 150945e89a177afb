/* Triangles against three nested loops over a matrix, on random graphs. */
#include "stages/embeddedness/clustering.h"

#include "stages/base/random.h"
#include "tests/scratch.h"

#include <math.h>
#include <string.h>

enum { PEOPLE_MAX = 100, STRIDE_MAX = 1031, NODES_MAX = PEOPLE_MAX * STRIDE_MAX };

/* Members are numbered with gaps, so that their numbers leave equal rests in a filter. */
struct world {
    uint32_t people;
    uint32_t stride;
    struct arrival_rows rows;
    bool is_tied[PEOPLE_MAX][PEOPLE_MAX];
};

static void world_make(struct world *world, struct random *random) {
    static const uint32_t strides[] = {1, 1, 512, STRIDE_MAX};
    struct err err;
    memset(world, 0, sizeof *world);
    world->people = (uint32_t)random_below(random, random_below(random, 8) == 0 ? PEOPLE_MAX : 20);
    world->stride = strides[random_below(random, 4)];
    uint64_t share = random_below(random, 101);
    for (uint32_t a = 0; a < world->people; a++) {
        for (uint32_t b = 0; b < a; b++) {
            world->is_tied[a][b] = random_below(random, 100) < share;
            world->is_tied[b][a] = world->is_tied[a][b];
        }
    }
    struct arrival_rows *rows = &world->rows;
    size_t pairs = (size_t)world->people * world->people;
    rows->end = world->people * world->stride;
    MUST(pages_grow(&rows->offsets, (rows->end + 1) * sizeof(uint64_t), "offsets", &err));
    MUST(pages_grow(&rows->entries, (pairs + 1) * sizeof(uint32_t), "entries", &err));
    MUST(pages_grow(&rows->signed_nodes, (rows->end / 64 + 1) * sizeof(uint64_t), "bits", &err));
    uint64_t *offsets = rows->offsets.data;
    uint32_t *entries = rows->entries.data;
    for (uint32_t node = 0; node < rows->end; node++) {
        offsets[node + 1] = offsets[node];
        for (uint32_t b = 0; b < world->people && node % world->stride == 0; b++) {
            if (world->is_tied[node / world->stride][b]) {
                entries[offsets[node + 1]++] = b * world->stride;
            }
        }
    }
}

static void world_release(struct world *world) {
    arrival_rows_release(&world->rows);
}

static uint64_t oracle_triangles(const struct world *world, size_t person) {
    uint64_t count = 0;
    for (size_t a = 0; a < world->people; a++) {
        for (size_t b = 0; b < a; b++) {
            count += world->is_tied[person][a] && world->is_tied[person][b] && world->is_tied[a][b];
        }
    }
    return count;
}

static uint32_t oracle_degree(const struct world *world, size_t person) {
    uint32_t count = 0;
    for (size_t a = 0; a < world->people; a++) {
        count += world->is_tied[person][a];
    }
    return count;
}

static void world_must_equal(const struct world *world, const uint64_t *triangles,
                             const uint32_t *degrees) {
    for (uint32_t node = 0; node < world->rows.end; node++) {
        bool is_person = node % world->stride == 0;
        uint32_t person = node / world->stride;
        assert_int_equal(triangles[node], is_person ? oracle_triangles(world, person) : 0);
        assert_int_equal(degrees[node], is_person ? oracle_degree(world, person) : 0);
    }
}

static void triangles_and_degrees_are_those_of_the_matrix(void **state) {
    (void)state;
    static struct world world;
    static uint64_t triangles[NODES_MAX];
    static uint32_t degrees[NODES_MAX];
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct err err;
        struct random random;
        enum kernel_set set = (enum kernel_set)(seed % KERNEL_SETS);
        random_seed(&random, seed);
        world_make(&world, &random);
        memset(triangles, 0xff, world.rows.end * sizeof *triangles);
        MUST(triangles_of_rows(&world.rows, kernel_set_is_here(set) ? set : KERNEL_PLAIN,
                               1 + (unsigned)(seed % 3), triangles, degrees, &err));
        world_must_equal(&world, triangles, degrees);
        world_release(&world);
    }
}

static void rows_in_a_file_give_the_same_however_many_are_in_memory(void **state) {
    static struct world world;
    static uint64_t triangles[NODES_MAX];
    static uint32_t degrees[NODES_MAX];
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct err err;
        struct random random;
        struct row_file *file;
        random_seed(&random, seed);
        world_make(&world, &random);
        uint64_t all = world.rows.end * UINT64_C(8) + 4 * PEOPLE_MAX * PEOPLE_MAX;
        uint64_t memory = seed % 3 == 0 ? all : all / 20 + random_below(&random, all);
        MUST(row_file_open(&file, *state, world.rows.end, &err));
        MUST(row_file_append(file, &world.rows, &err));
        MUST(triangles_of_file(file, world.rows.end, seed == 1 ? 0 : memory, KERNEL_AUTO,
                               1 + (unsigned)(seed % 3), triangles, degrees, &err));
        world_must_equal(&world, triangles, degrees);
        row_file_close(file);
        world_release(&world);
    }
}

static void no_nodes_have_no_triangles(void **state) {
    (void)state;
    struct err err;
    struct world world;
    struct random random = {{0}};
    uint64_t triangles[1] = {5};
    uint32_t degrees[1] = {6};
    world_make(&world, &random);
    assert_int_equal(world.rows.end, 0);
    MUST(triangles_of_rows(&world.rows, KERNEL_AUTO, 1, triangles, degrees, &err));
    assert_int_equal(triangles[0], 5);
    assert_int_equal(degrees[0], 6);
    world_release(&world);
}

/* A row longer than any window: everybody knows the first member, and some of the others theirs. */
static void a_member_whom_everybody_knows_is_in_a_triangle_with_every_tie(void **state) {
    (void)state;
    enum { PEOPLE = 5000 };
    static uint64_t triangles[PEOPLE];
    static uint32_t degrees[PEOPLE];
    struct err err;
    struct arrival_rows rows = {.end = PEOPLE};
    MUST(pages_grow(&rows.offsets, (PEOPLE + 1) * sizeof(uint64_t), "offsets", &err));
    MUST(pages_grow(&rows.entries, (size_t)4 * PEOPLE * sizeof(uint32_t), "entries", &err));
    uint64_t *offsets = rows.offsets.data;
    uint32_t *entries = rows.entries.data;
    for (uint32_t other = 1; other < PEOPLE; other++) {
        entries[offsets[1]++] = other;
    }
    for (uint32_t node = 1; node < PEOPLE; node++) { /* 1 - 2 - 3, 4 - 5 - 6, ... */
        offsets[node + 1] = offsets[node];
        entries[offsets[node + 1]++] = 0;
        if (node % 3 != 1) {
            entries[offsets[node + 1]++] = node - 1;
        }
        if (node % 3 != 0 && node + 1 < PEOPLE) {
            entries[offsets[node + 1]++] = node + 1;
        }
    }
    MUST(triangles_of_rows(&rows, KERNEL_AUTO, 2, triangles, degrees, &err));
    assert_int_equal(degrees[0], PEOPLE - 1);
    assert_int_equal(triangles[0], (PEOPLE - 1) / 3 * 2 + ((PEOPLE - 1) % 3 == 2));
    assert_int_equal(triangles[1], 1);
    assert_int_equal(triangles[2], 2);
    pages_release(&rows.offsets);
    pages_release(&rows.entries);
}

static void clustering_is_the_share_of_pairs_of_contacts_that_are_tied(void **state) {
    (void)state;
    assert_true(isnan(triangles_clustering(0, 0)));
    assert_true(isnan(triangles_clustering(0, 1)));
    assert_true(triangles_clustering(0, 2) == 0.0);
    assert_true(triangles_clustering(1, 2) == 1.0);
    assert_true(triangles_clustering(3, 4) == 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triangles_and_degrees_are_those_of_the_matrix),
        cmocka_unit_test_setup_teardown(rows_in_a_file_give_the_same_however_many_are_in_memory,
                                        scratch_make, scratch_remove),
        cmocka_unit_test(no_nodes_have_no_triangles),
        cmocka_unit_test(a_member_whom_everybody_knows_is_in_a_triangle_with_every_tie),
        cmocka_unit_test(clustering_is_the_share_of_pairs_of_contacts_that_are_tied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
