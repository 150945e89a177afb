/* The bytes as a configuration file, read for every verb; and as words of a command line, a line
 * each. What is refused is refused in one line. */
#include "pipeline/options.h"
#include "tests/fuzz/memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 64 };

static void read_words(int count, char **words) {
    struct options options = {0};
    struct err err = {0};
    struct status status = options_read(&options, count, words, &err);
    if (failed(status) && (err.text[0] == '\0' || strchr(err.text, '\n') != NULL)) {
        abort();
    }
    options_release(&options);
}

static void read_file(const uint8_t *data, size_t size) {
    static const char *const verbs[] = {"ties",     "run",   "backfill", "import",    "generate",
                                        "snapshot", "check", "explain",  "attribute", "report"};
    struct memory_file file = memory_file_open(data, size);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        char program[] = "tieflow";
        char flag[] = "--config";
        char verb[16];
        (void)snprintf(verb, sizeof verb, "%s", verbs[i]);
        char *words[] = {program, verb, flag, file.path, NULL};
        read_words(4, words);
    }
    memory_file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_file(data, size);
    char *text = calloc(size + 1, 1);
    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    char program[] = "tieflow";
    char *words[WORDS_MAX + 1] = {program};
    int count = 1;
    char *rest = NULL;
    for (char *word = strtok_r(text, "\n", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, "\n", &rest)) {
        words[count++] = word;
    }
    /* A configuration would be a file of this machine. */
    if (memmem(data, size, "-c", 2) == NULL) {
        read_words(count, words);
    }
    free(text);
    return 0;
}
