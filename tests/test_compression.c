#include "tests/testing.h"

#include "stages/base/compression.h"
#include "stages/base/random.h"

#include <stdlib.h>
#include <string.h>

/* Half noise, half repetition: compressible, but not to nothing. */
static uint8_t *sample(size_t count, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    uint8_t *data = malloc(count + 1);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        data[i] = random_below(&random, 2) == 0 ? (uint8_t)random_u64(&random) : 'x';
    }
    return data;
}

static void test_bytes_of_any_number_come_back(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 100, 4096, 131072, 1000000};
    struct err err;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct bytes packed = {0};
        uint8_t *data = sample(counts[i], i);
        uint8_t *back = malloc(counts[i] + 1);
        assert_non_null(back);
        back[counts[i]] = 0xab;
        MUST(compression_pack(data, counts[i], &packed, &err));
        assert_true(compression_is_zstd(packed.data, packed.count));
        MUST(compression_unpack(packed.data, packed.count, back, counts[i], &err));
        assert_memory_equal(back, data, counts[i]);
        assert_int_equal(back[counts[i]], 0xab);
        bytes_release(&packed);
        free(data);
        free(back);
    }
}

static void test_a_compressor_gives_the_same_bytes_again_and_again(void **state) {
    (void)state;
    struct err err;
    for (int level = 1; level <= COMPRESSION_LEVEL; level += 2) {
        struct compressor compressor = {.level = level};
        struct bytes first = {0};
        for (size_t i = 0; i < 5; i++) {
            static const size_t others[] = {0, 100000, 7, 1000000, 3};
            struct bytes packed = {0};
            uint8_t *data = sample(50000, 3);
            uint8_t *other = sample(others[i], i);
            uint8_t back[50000];
            MUST(compressor_pack(&compressor, data, 50000, &packed, &err));
            MUST(compression_unpack(packed.data, packed.count, back, sizeof back, &err));
            assert_memory_equal(back, data, sizeof back);
            if (i == 0) {
                MUST(bytes_append(&first, packed.data, packed.count, &err));
            }
            assert_int_equal(packed.count, first.count);
            assert_memory_equal(packed.data, first.data, first.count);
            MUST(compressor_pack(&compressor, other, others[i], &packed, &err));
            assert_memory_equal(packed.data, first.data, first.count); /* it is appended */
            bytes_release(&packed);
            free(data);
            free(other);
        }
        bytes_release(&first);
        compressor_release(&compressor);
        compressor_release(&compressor);
    }
}

static void test_pack_appends_behind_what_is_there(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    char back[5];
    MUST(bytes_append(&packed, "head", 4, &err));
    MUST(compression_pack("hello", 5, &packed, &err));
    assert_memory_equal(packed.data, "head", 4);
    MUST(compression_unpack(packed.data + 4, packed.count - 4, back, sizeof back, &err));
    assert_memory_equal(back, "hello", 5);
    bytes_release(&packed);
}

static void test_another_length_than_promised_is_an_error(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    uint8_t *data = sample(1000, 1);
    uint8_t back[2000];
    MUST(compression_pack(data, 1000, &packed, &err));
    MUST_FAIL(compression_unpack(packed.data, packed.count, back, 999, &err), FAILURE_DATA,
              "damaged");
    MUST_FAIL(compression_unpack(packed.data, packed.count, back, 0, &err), FAILURE_DATA,
              "damaged");
    MUST_FAIL(compression_unpack(packed.data, packed.count, back, 1001, &err), FAILURE_DATA,
              "1000 bytes where 1001 were promised");
    bytes_release(&packed);
    free(data);
}

static void test_cut_at_any_byte_is_an_error(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    uint8_t *data = sample(300, 2);
    uint8_t back[300];
    MUST(compression_pack(data, 300, &packed, &err));
    for (size_t cut = 0; cut < packed.count; cut++) {
        MUST_FAIL(compression_unpack(packed.data, cut, back, 300, &err), FAILURE_DATA, "zstd data");
    }
    bytes_release(&packed);
    free(data);
}

static void test_noise_is_an_error(void **state) {
    (void)state;
    struct err err;
    uint8_t back[100];
    uint8_t *noise = sample(100, 3);
    MUST_FAIL(compression_unpack(noise, 100, back, 100, &err), FAILURE_DATA, "damaged");
    free(noise);
}

static void test_magic_needs_all_four_bytes(void **state) {
    (void)state;
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    assert_true(compression_is_zstd(magic, 4));
    for (size_t count = 0; count < 4; count++) {
        assert_false(compression_is_zstd(magic, count));
    }
    for (size_t i = 0; i < 4; i++) {
        uint8_t other[4];
        memcpy(other, magic, 4);
        other[i] ^= 1;
        assert_false(compression_is_zstd(other, 4));
    }
    assert_false(compression_is_zstd(NULL, 0));
    assert_false(compression_is_zstd((const uint8_t *)"at,f", 4));
}

/* pzstd begins its files with one of these. */
static void test_skippable_frames_are_zstd_too(void **state) {
    (void)state;
    for (unsigned digit = 0; digit < 16; digit++) {
        const uint8_t magic[] = {(uint8_t)(0x50 + digit), 0x2a, 0x4d, 0x18};
        assert_true(compression_is_zstd(magic, 4));
    }
    assert_false(compression_is_zstd((const uint8_t *)"\x4f\x2a\x4d\x18", 4));
    assert_false(compression_is_zstd((const uint8_t *)"\x60\x2a\x4d\x18", 4));
}

/* Unpacks with at most `step` bytes given and taken per call; returns what came out. */
static size_t unpack_in_steps(const struct bytes *packed, size_t step, uint8_t *out,
                              size_t out_capacity) {
    struct err err;
    struct unpacker *unpacker;
    MUST(unpacker_new(&unpacker, &err));
    assert_true(unpacker_is_at_boundary(unpacker));
    size_t at = 0;
    size_t done = 0;
    for (;;) {
        size_t give = packed->count - at < step ? packed->count - at : step;
        size_t take = out_capacity - done < step ? out_capacity - done : step;
        size_t used;
        size_t got;
        MUST(unpacker_step(unpacker, packed->data + at, give, &used, out + done, take, &got, &err));
        assert_true(used <= give && got <= take);
        at += used;
        done += got;
        if (at == packed->count && used == 0 && got == 0) {
            break;
        }
    }
    assert_true(unpacker_is_at_boundary(unpacker));
    unpacker_free(unpacker);
    return done;
}

static void test_stream_unpacks_in_steps_of_any_size(void **state) {
    (void)state;
    static const size_t steps[] = {1, 2, 3, 7, 1000, 1000000};
    struct err err;
    struct bytes packed = {0};
    uint8_t *data = sample(50000, 4);
    MUST(compression_pack(data, 20000, &packed, &err));
    MUST(compression_pack(data, 0, &packed, &err));
    MUST(compression_pack(data + 20000, 30000, &packed, &err));
    uint8_t *out = malloc(60000);
    assert_non_null(out);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(unpack_in_steps(&packed, steps[i], out, 60000), 50000);
        assert_memory_equal(out, data, 50000);
    }
    free(out);
    free(data);
    bytes_release(&packed);
}

static void test_boundary_is_only_between_frames(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    uint8_t *data = sample(200, 5);
    MUST(compression_pack(data, 100, &packed, &err));
    size_t first = packed.count;
    MUST(compression_pack(data + 100, 100, &packed, &err));
    struct unpacker *unpacker;
    MUST(unpacker_new(&unpacker, &err));
    for (size_t at = 0; at < packed.count; at++) {
        uint8_t out[300];
        size_t used;
        size_t got;
        if (unpacker_is_at_boundary(unpacker) != (at == 0 || at == first)) {
            fail_msg("byte %zu of %zu + %zu", at, first, packed.count - first);
        }
        MUST(unpacker_step(unpacker, packed.data + at, 1, &used, out, sizeof out, &got, &err));
        assert_int_equal(used, 1);
    }
    assert_true(unpacker_is_at_boundary(unpacker));
    unpacker_free(unpacker);
    unpacker_free(NULL);
    bytes_release(&packed);
    free(data);
}

static void test_frame_that_ends_before_its_promised_length_is_an_error_in_any_steps(void **state) {
    (void)state;
    /* Promises 46,376 bytes; its two blocks are empty. */
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0xc0, 0x40, 0x28, 0xb5, 0, 0,
                                    0,    0,    0,    0,    0,    0,    0,    1,    0, 0};
    static uint8_t out[1 << 16];
    struct err err;
    for (size_t step = 1; step <= sizeof frame; step++) {
        for (size_t room = 1; room <= sizeof out; room *= 2) {
            struct unpacker *unpacker;
            struct status status = status_ok();
            MUST(unpacker_new(&unpacker, &err));
            for (size_t at = 0; !failed(status) && at < sizeof frame;) {
                size_t count = sizeof frame - at < step ? sizeof frame - at : step;
                size_t used;
                size_t got;
                status = unpacker_step(unpacker, frame + at, count, &used, out, room, &got, &err);
                at += failed(status) ? 0 : used;
            }
            MUST_FAIL(status, FAILURE_DATA, "damaged");
            unpacker_free(unpacker);
        }
    }
}

static void test_stream_of_noise_is_an_error(void **state) {
    (void)state;
    struct err err;
    struct unpacker *unpacker;
    uint8_t out[10];
    size_t used;
    size_t got;
    MUST(unpacker_new(&unpacker, &err));
    MUST_FAIL(unpacker_step(unpacker, (const uint8_t *)"plain text", 10, &used, out, sizeof out,
                            &got, &err),
              FAILURE_DATA, "damaged");
    unpacker_free(unpacker);
}

static void test_packer_gives_one_frame_for_pieces_of_any_size(void **state) {
    (void)state;
    enum { COUNT = 400000 };
    struct err err;
    struct random random;
    random_seed(&random, 6);
    uint8_t *data = sample(COUNT, 7);
    uint8_t *back = malloc(COUNT);
    assert_non_null(back);
    struct bytes packed = {0};
    struct packer *packer;
    MUST(packer_new(&packer, &err));
    for (size_t at = 0; at < COUNT;) {
        size_t piece = random_below(&random, 5000);
        piece = piece < COUNT - at ? piece : COUNT - at;
        MUST(packer_step(packer, data + at, piece, false, &packed, &err));
        at += piece;
    }
    MUST(packer_step(packer, NULL, 0, true, &packed, &err));
    packer_free(packer);
    packer_free(NULL);
    MUST(compression_unpack(packed.data, packed.count, back, COUNT, &err));
    assert_memory_equal(back, data, COUNT);
    bytes_release(&packed);
    free(data);
    free(back);
}

static void test_packer_given_nothing_gives_an_empty_frame(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    struct packer *packer;
    MUST(packer_new(&packer, &err));
    MUST(packer_step(packer, NULL, 0, true, &packed, &err));
    packer_free(packer);
    assert_true(compression_is_zstd(packed.data, packed.count));
    uint8_t none;
    MUST(compression_unpack(packed.data, packed.count, &none, 0, &err));
    bytes_release(&packed);
}

/* ---- unknown lengths: deflate and zstd ---- */

struct way {
    struct status (*pack)(const void *data, size_t count, struct bytes *out, struct err *err);
    struct status (*unpack)(const void *data, size_t count, size_t raw_max, struct bytes *out,
                            struct err *err);
};
static const struct way ways[] = {{deflate_pack, deflate_unpack},
                                  {compression_pack, compression_unpack_any}};
enum { WAYS = 2 };

static void test_bytes_come_back_without_their_length_being_known(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 100, 65535, 65536, 65537, 1000000};
    struct err err;
    for (size_t way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            struct bytes packed = {0};
            struct bytes back = {0};
            uint8_t *data = sample(counts[i], i);
            MUST(bytes_append(&packed, "head", 4, &err));
            MUST(bytes_append(&back, "old", 3, &err)); /* is replaced */
            MUST(ways[way].pack(data, counts[i], &packed, &err));
            assert_memory_equal(packed.data, "head", 4);
            MUST(ways[way].unpack(packed.data + 4, packed.count - 4, counts[i], &back, &err));
            assert_int_equal(back.count, counts[i]);
            assert_memory_equal(back.data, data, counts[i]);
            bytes_release(&packed);
            bytes_release(&back);
            free(data);
        }
    }
}

static void test_more_than_allowed_is_an_error_before_the_memory_is_taken(void **state) {
    (void)state;
    struct err err;
    enum { RAW = 1 << 24, ALLOWED = 100000 };
    uint8_t *zeros = calloc(1, RAW);
    assert_non_null(zeros);
    for (size_t way = 0; way < WAYS; way++) {
        struct bytes packed = {0};
        struct bytes back = {0};
        MUST(ways[way].pack(zeros, RAW, &packed, &err));
        MUST_FAIL(ways[way].unpack(packed.data, packed.count, ALLOWED, &back, &err), FAILURE_DATA,
                  "unpack to more than the 100000 bytes allowed");
        assert_true(back.capacity < 4 * (size_t)ALLOWED);
        MUST_FAIL(ways[way].unpack(packed.data, packed.count, RAW - 1, &back, &err), FAILURE_DATA,
                  "unpack to more than");
        MUST_FAIL(ways[way].unpack(packed.data, packed.count, 0, &back, &err), FAILURE_DATA,
                  "unpack to more than the 0 bytes allowed");
        MUST(ways[way].unpack(packed.data, packed.count, RAW, &back, &err));
        assert_int_equal(back.count, RAW);
        bytes_release(&packed);
        bytes_release(&back);
    }
    free(zeros);
}

static void test_cut_or_damaged_bytes_of_unknown_length_are_errors(void **state) {
    (void)state;
    struct err err;
    uint8_t *data = sample(300, 9);
    for (size_t way = 0; way < WAYS; way++) {
        struct bytes packed = {0};
        struct bytes back = {0};
        MUST(ways[way].pack(data, 300, &packed, &err));
        for (size_t count = 1; count < packed.count; count++) {
            MUST_FAIL(ways[way].unpack(packed.data, count, 1000, &back, &err), FAILURE_DATA,
                      "data");
        }
        MUST_FAIL(ways[way].unpack("\xff\xff\xff\xff noise", 10, 1000, &back, &err), FAILURE_DATA,
                  "data are damaged");
        bytes_release(&packed);
        bytes_release(&back);
    }
    struct bytes back = {0};
    MUST_FAIL(deflate_unpack("", 0, 1000, &back, &err), FAILURE_DATA, "they end too early");
    bytes_release(&back);
    free(data);
}

static void test_deflate_passes_over_a_checksum_and_no_more(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    struct bytes back = {0};
    MUST(deflate_pack("hello", 5, &packed, &err));
    for (size_t behind = 1; behind <= 5; behind++) {
        MUST(bytes_append(&packed, "x", 1, &err));
        if (behind <= 4) {
            MUST(deflate_unpack(packed.data, packed.count, 1000, &back, &err));
            assert_int_equal(back.count, 5);
            assert_memory_equal(back.data, "hello", 5);
        } else {
            MUST_FAIL(deflate_unpack(packed.data, packed.count, 1000, &back, &err), FAILURE_DATA,
                      "they go on behind the end of the stream");
        }
    }
    bytes_release(&packed);
    bytes_release(&back);
}

static void test_several_zstd_frames_of_unknown_length_are_joined(void **state) {
    (void)state;
    struct err err;
    struct bytes packed = {0};
    struct bytes back = {0};
    MUST(compression_pack("hello ", 6, &packed, &err));
    MUST(compression_pack("world", 5, &packed, &err));
    MUST(compression_unpack_any(packed.data, packed.count, 11, &back, &err));
    assert_int_equal(back.count, 11);
    assert_memory_equal(back.data, "hello world", 11);
    bytes_release(&packed);
    bytes_release(&back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_any_number_come_back),
        cmocka_unit_test(test_a_compressor_gives_the_same_bytes_again_and_again),
        cmocka_unit_test(test_pack_appends_behind_what_is_there),
        cmocka_unit_test(test_another_length_than_promised_is_an_error),
        cmocka_unit_test(test_cut_at_any_byte_is_an_error),
        cmocka_unit_test(test_noise_is_an_error),
        cmocka_unit_test(test_magic_needs_all_four_bytes),
        cmocka_unit_test(test_skippable_frames_are_zstd_too),
        cmocka_unit_test(test_stream_unpacks_in_steps_of_any_size),
        cmocka_unit_test(test_boundary_is_only_between_frames),
        cmocka_unit_test(test_frame_that_ends_before_its_promised_length_is_an_error_in_any_steps),
        cmocka_unit_test(test_stream_of_noise_is_an_error),
        cmocka_unit_test(test_packer_gives_one_frame_for_pieces_of_any_size),
        cmocka_unit_test(test_packer_given_nothing_gives_an_empty_frame),
        cmocka_unit_test(test_bytes_come_back_without_their_length_being_known),
        cmocka_unit_test(test_more_than_allowed_is_an_error_before_the_memory_is_taken),
        cmocka_unit_test(test_cut_or_damaged_bytes_of_unknown_length_are_errors),
        cmocka_unit_test(test_deflate_passes_over_a_checksum_and_no_more),
        cmocka_unit_test(test_several_zstd_frames_of_unknown_length_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
