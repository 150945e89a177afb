/* The bytes as a dictionary file; and as frames with right checksums (tests/framing.h). What loads
 * must number its members 0, 1, 2, ... */
#include "stages/dictionary/dictionary.h"
#include "tests/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const uint8_t *data, size_t size) {
    struct dictionary dictionary = {0};
    struct input *input;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    struct status status = dictionary_load(&dictionary, input, NULL);
    input_close(input);
    size_t count = dictionary_count(&dictionary);
    for (uint32_t i = 0; i < count && !failed(status); i++) {
        struct member_id member = dictionary_member(&dictionary, (struct node_id){i});
        struct node_id node;
        if (failed(dictionary_resolve(&dictionary, &member, 1, &node, NULL)) || node.v != i) {
            abort();
        }
    }
    if (!failed(status) && dictionary_count(&dictionary) != count) {
        abort();
    }
    dictionary_release(&dictionary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct framing framing = {0};
    load(data, size);
    framing_from_fuzz(&framing, data, size);
    load(framing.file.data, framing.file.count);
    framing_release(&framing);
    return 0;
}
