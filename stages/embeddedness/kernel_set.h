/* Which instructions the inner loop of the kernels (scan.h) is made of. None of it shows in a
 * result. */
#ifndef TIEFLOW_STAGES_EMBEDDEDNESS_KERNEL_SET_H
#define TIEFLOW_STAGES_EMBEDDEDNESS_KERNEL_SET_H

#include <stdbool.h>

/* AUTO is what is taken to be fastest on this processor. */
enum kernel_set { KERNEL_AUTO, KERNEL_PLAIN, KERNEL_AVX2, KERNEL_AVX512, KERNEL_SETS };

/* Whether this processor runs it; "auto", "plain", "avx2", "avx512". */
bool kernel_set_is_here(enum kernel_set set);
const char *kernel_set_name(enum kernel_set set);

/* What AUTO means here. */
enum kernel_set kernel_set_best(void);

#endif
