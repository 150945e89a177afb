/* For clang-tidy alone, which includes this before every file. The analyzer looks at one file at a
 * time and cannot see that err_set, err_io and err_memory never return success; without that it
 * follows paths on which a failure was reported and the caller went on. */
#ifndef TIEFLOW_TESTS_LINT_ANALYZER_H
#define TIEFLOW_TESTS_LINT_ANALYZER_H

#include "schemas/status.h"

/* Uses the arguments; never defined, since nothing is linked. */
void err_arguments(struct err *err, ...);

#define err_set(err, failure, ...) (err_arguments(err, __VA_ARGS__), (struct status){failure})
#define err_io(err, failure, ...)                                                                  \
    (err_arguments(err, failure, __VA_ARGS__), (struct status){FAILURE_IO})
#define err_memory(err, bytes, what)                                                               \
    (err_arguments(err, bytes, what), (struct status){FAILURE_RETRY})

#endif
