/* The peer: SuiteSparse:GraphBLAS. With the adjacency A and its lower triangle L, C<L> = A A over
 * plus and pair counts the common neighbours of every tie of the finished graph, each tie once;
 * their sum is three times the triangles. */
#include "bench/contender.h"
#include "bench/static_pairs.h"

#include <GraphBLAS.h>
#include <stdio.h>
#include <stdlib.h>

static void graphblas_version(char version[CONTENDER_VERSION_BYTES]) {
    (void)snprintf(version, CONTENDER_VERSION_BYTES, "GraphBLAS %d.%d.%d", GxB_IMPLEMENTATION_MAJOR,
                   GxB_IMPLEMENTATION_MINOR, GxB_IMPLEMENTATION_SUB);
}

static struct status blas_check(GrB_Info info, const char *what, struct err *err) {
    return info == GrB_SUCCESS
               ? status_ok()
               : err_set(err, FAILURE_RETRY, "GraphBLAS cannot %s: code %d", what, (int)info);
}

/* Both directions of every pair, or the lower triangle alone. */
static struct status matrix_make(GrB_Matrix *matrix, const struct static_pairs *pairs,
                                 uint64_t members, bool is_lower, struct err *err) {
    size_t count = is_lower ? pairs->count : 2 * pairs->count;
    GrB_Index *rows = malloc((count + 1) * sizeof *rows);
    GrB_Index *columns = malloc((count + 1) * sizeof *columns);
    GrB_Scalar one = NULL;
    struct status status = rows == NULL || columns == NULL
                               ? err_memory(err, 2 * count * sizeof *rows, "a matrix")
                               : status_ok();
    for (size_t i = 0; !failed(status) && i < pairs->count; i++) {
        uint32_t low = pairs->from[i] < pairs->to[i] ? pairs->from[i] : pairs->to[i];
        rows[i] = pairs->from[i] ^ pairs->to[i] ^ low;
        columns[i] = low;
        if (!is_lower) {
            rows[pairs->count + i] = low;
            columns[pairs->count + i] = rows[i];
        }
    }
    if (!failed(status)) {
        status =
            blas_check(GrB_Matrix_new(matrix, GrB_BOOL, members, members), "make a matrix", err);
    }
    if (!failed(status)) {
        status = blas_check(GrB_Scalar_new(&one, GrB_BOOL), "make a number", err);
    }
    if (!failed(status)) {
        (void)GrB_Scalar_setElement_BOOL(one, true);
        status = blas_check(GxB_Matrix_build_Scalar(*matrix, rows, columns, one, count),
                            "build a matrix", err);
    }
    (void)GrB_Scalar_free(&one);
    free(rows);
    free(columns);
    return status;
}

static struct status product_sum(GrB_Matrix all, GrB_Matrix lower, uint64_t members, uint64_t *sum,
                                 struct err *err) {
    GrB_Matrix common = NULL;
    TRY(blas_check(GrB_Matrix_new(&common, GrB_UINT32, members, members), "make a matrix", err));
    struct status status = blas_check(
        GrB_mxm(common, lower, NULL, GxB_PLUS_PAIR_UINT32, all, all, GrB_DESC_S), "multiply", err);
    if (!failed(status)) {
        status =
            blas_check(GrB_Matrix_reduce_UINT64(sum, NULL, GrB_PLUS_MONOID_UINT64, common, NULL),
                       "add up", err);
    }
    (void)GrB_Matrix_free(&common);
    return status;
}

static struct status graphblas_run(const struct contest *contest, struct measured *measured,
                                   struct err *err) {
    struct static_pairs pairs = {0};
    GrB_Matrix all = NULL;
    GrB_Matrix lower = NULL;
    TRY(blas_check(GrB_init(GrB_NONBLOCKING), "start", err));
    (void)GxB_Global_Option_set_INT32(GxB_NTHREADS, (int32_t)contest->threads);
    struct status status = static_pairs_read(&pairs, contest->log, contest->members, err);
    double start = measure_now();
    if (!failed(status)) {
        status = matrix_make(&all, &pairs, contest->members, false, err);
    }
    if (!failed(status)) {
        status = matrix_make(&lower, &pairs, contest->members, true, err);
    }
    measured->ties = pairs.count;
    static_pairs_release(&pairs);
    double built = measure_now();
    uint64_t sum = 0;
    if (!failed(status)) {
        status = product_sum(all, lower, contest->members, &sum, err);
    }
    measured->seconds[0] = built - start;
    measured->seconds[1] = measure_now() - built;
    if (!failed(status) && sum % 3 != 0) {
        status = err_set(err, FAILURE_INTERNAL, "a triangle has three sides, GraphBLAS says not");
    }
    measured->mutual_sum = sum / 3;
    (void)GrB_Matrix_free(&all);
    (void)GrB_Matrix_free(&lower);
    (void)GrB_finalize();
    return status;
}

const struct contender contender_graphblas = {
    .name = "graphblas",
    .is_static = true,
    .stages = {"building", "counting"},
    .version = graphblas_version,
    .run = graphblas_run,
};
