/* The bytes as a manifest; and as one that lacks only its end, the right checksum. What loads must
 * save and load again as the same text, and name no file outside the state folder. */
#include "stages/base/checksum.h"
#include "stages/base/files.h"
#include "stages/state/generation.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/scratch_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { END_BYTES = 64 };

/* Loads a manifest from memory. */
static struct status manifest_load(struct generation *generation, const uint8_t *data,
                                   size_t size) {
    struct memory_file file = memory_file_open(data, size);
    struct status status = generation_load(generation, file.path, NULL);
    memory_file_close(&file);
    return status;
}

/* The manifest's text, by way of the one file of this process. */
static void manifest_save(const struct generation *generation, struct bytes *text) {
    char path[SCRATCH_FILE_BYTES];
    scratch_file("manifest.json", path);
    if (failed(generation_save(generation, path, NULL)) ||
        failed(file_read_all(path, text, NULL)) || unlink(path) != 0) {
        abort();
    }
}

static void file_check(const struct state_file *file) {
    if (strncmp(file->name, "gen-", 4) != 0 || strstr(file->name, "..") != NULL) {
        abort();
    }
}

static void round_trip(const uint8_t *data, size_t size) {
    struct generation first = {0};
    struct generation second = {0};
    struct bytes text = {0};
    struct bytes again = {0};
    if (!failed(manifest_load(&first, data, size))) {
        file_check(&first.dictionary);
        file_check(&first.adjacency.file);
        if (first.adjacency.degrees.name != NULL) {
            file_check(&first.adjacency.degrees);
        }
        file_check(&first.cohort);
        for (size_t i = 0; i < first.segment_count; i++) {
            file_check(&first.segments[i].file);
        }
        for (int log = 0; log < FACT_LOGS; log++) {
            if (first.facts[log].is_known) {
                file_check(&first.facts[log].file);
            }
        }
        manifest_save(&first, &text);
        if (failed(manifest_load(&second, text.data, text.count))) {
            abort();
        }
        manifest_save(&second, &again);
        if (text.count != again.count || memcmp(text.data, again.data, text.count) != 0) {
            abort();
        }
    }
    generation_release(&first);
    generation_release(&second);
    bytes_release(&text);
    bytes_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char digits[CHECKSUM_TEXT_BYTES];
    char end[END_BYTES];
    struct bytes ended = {0};
    checksum_format(checksum_of(data, size, 0), digits);
    int end_bytes = snprintf(end, sizeof end, ",\n  \"xxh64\": \"%s\"\n}\n", digits);
    if (failed(bytes_append(&ended, data, size, NULL)) ||
        failed(bytes_append(&ended, end, (size_t)end_bytes, NULL))) {
        abort();
    }
    round_trip(data, size);
    round_trip(ended.data, ended.count);
    bytes_release(&ended);
    return 0;
}
