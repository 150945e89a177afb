/* A folder for the files of this process, under TMPDIR: made once, and removed with TMPDIR. */
#ifndef TIEFLOW_TESTS_FUZZ_SCRATCH_FOLDER_H
#define TIEFLOW_TESTS_FUZZ_SCRATCH_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

enum { SCRATCH_FOLDER_BYTES = 256, SCRATCH_FILE_BYTES = SCRATCH_FOLDER_BYTES + 64 };

/* Lent. */
static inline const char *scratch_folder(void) {
    static char folder[SCRATCH_FOLDER_BYTES];
    if (folder[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        int length = snprintf(folder, sizeof folder, "%s/tieflow-fuzz-XXXXXX",
                              parent == NULL ? "/tmp" : parent);
        if (length >= (int)sizeof folder || mkdtemp(folder) == NULL) {
            abort();
        }
    }
    return folder;
}

/* The path of a file in it. */
static inline void scratch_file(const char *name, char path[SCRATCH_FILE_BYTES]) {
    int length = snprintf(path, SCRATCH_FILE_BYTES, "%s/%s", scratch_folder(), name);
    if (length >= SCRATCH_FILE_BYTES) {
        abort();
    }
}

#endif
