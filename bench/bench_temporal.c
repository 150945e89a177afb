/* bench_temporal tieflow|roaring|sorted LOG FOLDER THREADS MEMBERS: the mutual connections of every
 * tie as of its making (bench/contender.h). */
#include "bench/contender.h"

int main(int argc, char **argv) {
    const struct contender contenders[] = {contender_tieflow, contender_roaring, contender_sorted};
    return contender_main(argc, argv, contenders, sizeof contenders / sizeof contenders[0]);
}
