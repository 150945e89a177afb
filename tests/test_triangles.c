/* Triangles against three nested loops over a matrix, from random rows with endings in them. */
#include "stages/embeddedness/triangles.h"

#include "stages/base/random.h"
#include "tests/testing.h"

#include <math.h>
#include <string.h>

enum { NODES_MAX = 40 };

struct world {
    size_t nodes;
    struct rows rows;
    bool is_tied[NODES_MAX][NODES_MAX];
};

/* Makes and ends ties at random, as the adjacency stage would. */
static void world_make(struct world *world, struct random *random) {
    struct err err;
    memset(world, 0, sizeof *world);
    world->nodes = 1 + random_below(random, NODES_MAX);
    MUST(rows_grow(&world->rows, world->nodes, &err));
    size_t events = world->nodes == 1 ? 0 : random_below(random, 800);
    bool has_endings = random_below(random, 3) > 0;
    for (size_t i = 0; i < events; i++) {
        uint32_t a = (uint32_t)random_below(random, world->nodes);
        uint32_t b = (uint32_t)random_below(random, world->nodes);
        if (a == b || (world->is_tied[a][b] && !has_endings)) {
            continue;
        }
        uint32_t ended = world->is_tied[a][b] ? ROW_ENDED : 0;
        MUST(rows_push(&world->rows, (struct node_id){a}, b | ended, &err));
        MUST(rows_push(&world->rows, (struct node_id){b}, a | ended, &err));
        world->is_tied[a][b] = !world->is_tied[a][b];
        world->is_tied[b][a] = world->is_tied[a][b];
    }
}

static uint64_t oracle_triangles(const struct world *world, size_t node) {
    uint64_t count = 0;
    for (size_t a = 0; a < world->nodes; a++) {
        for (size_t b = 0; b < a; b++) {
            count += world->is_tied[node][a] && world->is_tied[node][b] && world->is_tied[a][b];
        }
    }
    return count;
}

static uint32_t oracle_degree(const struct world *world, size_t node) {
    uint32_t count = 0;
    for (size_t a = 0; a < world->nodes; a++) {
        count += world->is_tied[node][a];
    }
    return count;
}

static void triangles_and_degrees_are_those_of_the_matrix(void **state) {
    (void)state;
    static const size_t batches[] = {1, 2, 7, 64, 100000};
    static struct world world;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct err err;
        struct random random;
        uint64_t triangles[NODES_MAX];
        uint32_t degrees[NODES_MAX];
        random_seed(&random, seed);
        world_make(&world, &random);
        memset(triangles, 0xff, sizeof triangles);
        MUST(triangles_count(&world.rows, 1 + (unsigned)(seed % 3), batches[seed / 3 % 5],
                             triangles, degrees, &err));
        for (size_t node = 0; node < world.nodes; node++) {
            assert_int_equal(triangles[node], oracle_triangles(&world, node));
            assert_int_equal(degrees[node], oracle_degree(&world, node));
        }
        rows_release(&world.rows);
    }
}

static void no_nodes_have_no_triangles(void **state) {
    (void)state;
    struct err err;
    struct rows rows = {0};
    uint64_t triangles[1] = {5};
    uint32_t degrees[1] = {6};
    MUST(triangles_count(&rows, 1, 8, triangles, degrees, &err));
    assert_int_equal(triangles[0], 5);
    assert_int_equal(degrees[0], 6);
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
        cmocka_unit_test(no_nodes_have_no_triangles),
        cmocka_unit_test(clustering_is_the_share_of_pairs_of_contacts_that_are_tied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
