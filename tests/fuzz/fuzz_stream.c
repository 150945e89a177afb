/* The bytes as what zstd and deflate are to unpack: as a stream, read in steps of several sizes and
 * with stretches passed over; whole, of unknown length; whole, of a length that is known. All ways
 * agree, no more comes out than is allowed, and what came out packs and unpacks again. */
#include "stages/base/compression.h"
#include "stages/base/stream.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW_MAX = 1 << 16 };

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

/* Appends what the input gives, up to RAW_MAX and one step more; false where it is refused. With
 * `skips` every second step is passed over and nothing of it appended. */
static bool stream_read(const uint8_t *data, size_t size, size_t step, bool skips,
                        struct bytes *out) {
    struct input *input;
    bool is_read = true;
    size_t count = 1;
    require(!failed(input_open_memory(&input, "fuzz", data, size, NULL)));
    for (unsigned turn = 0; is_read && count != 0 && out->count <= RAW_MAX; turn++) {
        require(!failed(bytes_reserve(out, step, NULL)));
        if (skips && turn % 2 == 1) {
            is_read = !failed(input_skip(input, step, NULL));
            continue;
        }
        is_read = !failed(input_read(input, out->data + out->count, step, &count, NULL));
        out->count += is_read ? count : 0;
        require(!is_read || count <= step);
    }
    input_close(input);
    return is_read;
}

static void check_same(const struct bytes *a, const struct bytes *b) {
    require(a->count == b->count && (a->count == 0 || memcmp(a->data, b->data, a->count) == 0));
}

/* Two ways to read the same agree as far as both came. One alone may have gone to where the input
 * ends or is damaged, where there is more than RAW_MAX and the other left: `step` is what was asked
 * for at once by the way that gave `stepped`, the other asked for all. */
static void check_agree(bool is_read, const struct bytes *whole, bool is_stepped,
                        const struct bytes *stepped, size_t step) {
    size_t shared = whole->count < stepped->count ? whole->count : stepped->count;
    require(shared == 0 || memcmp(whole->data, stepped->data, shared) == 0);
    if (whole->count <= RAW_MAX && stepped->count <= RAW_MAX) {
        require(is_stepped == is_read);
        require(!is_read || whole->count == stepped->count);
    } else if (whole->count <= RAW_MAX) {
        require(!is_read);
    } else {
        require(is_stepped ? stepped->count > RAW_MAX : stepped->count + step > RAW_MAX + 1);
    }
}

/* Smaller steps give the same; passing over gives a part. */
static void stream_check(const uint8_t *data, size_t size) {
    static const size_t steps[] = {3, 4096};
    struct bytes whole = {0};
    struct bytes skipped = {0};
    bool is_read = stream_read(data, size, RAW_MAX + 1, false, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct bytes stepped = {0};
        bool is_stepped = stream_read(data, size, steps[i], false, &stepped);
        check_agree(is_read, &whole, is_stepped, &stepped, steps[i]);
        bytes_release(&stepped);
    }
    (void)stream_read(data, size, 100, true, &skipped);
    require(!is_read || whole.count > RAW_MAX || skipped.count <= whole.count);
    if (compression_is_zstd(data, size)) { /* else it is given as it is */
        struct bytes any = {0};
        bool is_unpacked = !failed(compression_unpack_any(data, size, RAW_MAX, &any, NULL));
        require(any.count <= RAW_MAX + 1);
        require(is_unpacked == (is_read && whole.count <= RAW_MAX));
        if (is_unpacked) {
            check_same(&whole, &any);
        }
        bytes_release(&any);
    }
    bytes_release(&whole);
    bytes_release(&skipped);
}

/* The first two bytes are the length that is promised. */
static void known_check(const uint8_t *data, size_t size) {
    size_t promised = (size_t)(data[0] | data[1] << 8);
    uint8_t *out = malloc(promised + (promised == 0)); /* of exactly its size */
    require(out != NULL);
    (void)compression_unpack(data + 2, size - 2, out, promised, NULL);
    free(out);
}

static void deflate_check(const uint8_t *data, size_t size) {
    struct bytes raw = {0};
    struct bytes packed = {0};
    struct bytes again = {0};
    if (!failed(deflate_unpack(data, size, RAW_MAX, &raw, NULL))) {
        require(raw.count <= RAW_MAX);
        require(!failed(deflate_pack(raw.data, raw.count, &packed, NULL)));
        require(!failed(deflate_unpack(packed.data, packed.count, RAW_MAX, &again, NULL)));
        check_same(&raw, &again);
    }
    require(raw.count <= RAW_MAX + 1);
    bytes_release(&raw);
    bytes_release(&packed);
    bytes_release(&again);
}

/* The bytes packed are the bytes, each way. */
static void pack_check(const uint8_t *data, size_t size) {
    struct bytes packed = {0};
    struct bytes out = {0};
    require(!failed(compression_pack(data, size, &packed, NULL)));
    require(stream_read(packed.data, packed.count, 4096, false, &out));
    require(out.count == size && memcmp(out.data, data, size) == 0);
    require(!failed(compression_unpack(packed.data, packed.count, out.data, size, NULL)));
    require(memcmp(out.data, data, size) == 0);
    bytes_release(&packed);
    bytes_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 2) {
        stream_check(data, size);
        known_check(data, size);
        deflate_check(data, size);
        pack_check(data, size);
    }
    return 0;
}
