#include "stages/base/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Visits every value down to a fixed depth by way of the accessors. */
static void visit(const struct json *root) {
    enum { DEPTH = 64 };
    const struct json *container[DEPTH] = {root};
    const struct json *before[DEPTH] = {NULL};
    size_t depth = 0;
    for (;;) {
        const struct json *value = json_next(container[depth], before[depth]);
        if (value == NULL) {
            if (depth == 0) {
                return;
            }
            depth--;
            continue;
        }
        before[depth] = value;
        uint64_t u;
        int64_t i;
        bool truth;
        const char *text = json_text(value);
        const char *number = json_number_text(value);
        if ((text != NULL) + (number != NULL) + json_bool(value, &truth) > 1 ||
            (json_u64(value, &u) && number == NULL) || (json_i64(value, &i) && number == NULL) ||
            (text != NULL && strlen(text) > 1 << 20)) {
            abort();
        }
        if (json_count(value) > 0 && depth + 1 < DEPTH) {
            depth++;
            container[depth] = value;
            before[depth] = NULL;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json *root;
    if (!failed(json_parse(&root, (const char *)data, size, NULL))) {
        (void)json_get(root, "at");
        visit(root);
        json_free(root);
    }
    return 0;
}
