/* The peer: igraph, which counts the triangles at every vertex of the finished graph; one thread.
 */
#include "bench/contender.h"
#include "bench/static_pairs.h"

#include <igraph/igraph.h>
#include <stdio.h>

static void igraph_name(char version[CONTENDER_VERSION_BYTES]) {
    (void)snprintf(version, CONTENDER_VERSION_BYTES, "igraph %s", IGRAPH_VERSION);
}

/* The library's own handler ends the process where memory runs out: it is told to return instead.
 */
static struct status igraph_check(igraph_error_t error, const char *what, struct err *err) {
    return error == IGRAPH_SUCCESS
               ? status_ok()
               : err_set(err, FAILURE_RETRY, "igraph cannot %s: %s", what, igraph_strerror(error));
}

static struct status graph_make(igraph_t *graph, struct static_pairs *pairs, uint64_t members,
                                struct err *err) {
    igraph_vector_int_t ends;
    TRY(igraph_check(igraph_vector_int_init(&ends, (igraph_integer_t)(2 * pairs->count)),
                     "keep the pairs", err));
    for (size_t i = 0; i < pairs->count; i++) {
        VECTOR(ends)[2 * i] = pairs->from[i];
        VECTOR(ends)[2 * i + 1] = pairs->to[i];
    }
    static_pairs_release(pairs);
    igraph_error_t error =
        igraph_create(graph, &ends, (igraph_integer_t)members, IGRAPH_UNDIRECTED);
    igraph_vector_int_destroy(&ends);
    return igraph_check(error, "make the graph", err);
}

static struct status triangles_sum(const igraph_t *graph, uint64_t *sum, struct err *err) {
    igraph_vector_t at_vertex;
    TRY(igraph_check(igraph_vector_init(&at_vertex, 0), "keep counts", err));
    igraph_error_t error = igraph_adjacent_triangles(graph, &at_vertex, igraph_vss_all());
    for (igraph_integer_t i = 0; i < igraph_vector_size(&at_vertex); i++) {
        *sum += (uint64_t)VECTOR(at_vertex)[i];
    }
    igraph_vector_destroy(&at_vertex);
    return igraph_check(error, "count", err);
}

static struct status igraph_run(const struct contest *contest, struct measured *measured,
                                struct err *err) {
    struct static_pairs pairs = {0};
    (void)igraph_set_error_handler(igraph_error_handler_ignore);
    struct status status = static_pairs_read(&pairs, contest->log, contest->members, err);
    measured->ties = pairs.count;
    double start = measure_now();
    igraph_t graph;
    if (!failed(status)) {
        status = graph_make(&graph, &pairs, contest->members, err);
    }
    static_pairs_release(&pairs);
    TRY(status);
    double built = measure_now();
    uint64_t sum = 0;
    status = triangles_sum(&graph, &sum, err);
    measured->seconds[0] = built - start;
    measured->seconds[1] = measure_now() - built;
    measured->mutual_sum = sum / 3; /* a triangle is counted at each of its vertices */
    igraph_destroy(&graph);
    return status;
}

const struct contender contender_igraph = {
    .name = "igraph",
    .is_static = true,
    .stages = {"building", "counting"},
    .version = igraph_name,
    .run = igraph_run,
};
