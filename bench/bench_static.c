/* bench_static graphblas|igraph LOG FOLDER THREADS MEMBERS: the triangles of the finished graph
 * (bench/contender.h). A program of its own because the two libraries may be missing. */
#include "bench/contender.h"

int main(int argc, char **argv) {
    const struct contender contenders[] = {contender_graphblas, contender_igraph};
    return contender_main(argc, argv, contenders, sizeof contenders / sizeof contenders[0]);
}
