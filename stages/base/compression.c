#include "stages/base/compression.h"

#include "schemas/limits.h"
#include "stages/base/cursor.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { FRAME_HEADER_BYTES = 18 }; /* at most, with the magic */

struct unpacker {
    ZSTD_DCtx *context;
    bool at_boundary;
    uint8_t header[FRAME_HEADER_BYTES]; /* what the frame at hand begins with */
    size_t header_count;
    uint64_t made; /* of that frame */
};

struct packer {
    ZSTD_CCtx *context;
};

static struct status packed_count(size_t got, size_t count, struct bytes *out, struct err *err) {
    if (ZSTD_isError(got)) {
        return err_memory(err, count, "a compressor"); /* nothing else can be amiss */
    }
    out->count += got;
    return status_ok();
}

/* Whoever reads may lack memory, which says nothing about the data. */
static struct status unpack_failure(size_t code, size_t count, struct err *err) {
    if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation) {
        return err_memory(err, count, "a decompressor");
    }
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
        return err_set(err, FAILURE_DATA,
                       "zstd data need a window of more than %u bytes to be unpacked: pack them "
                       "anew with a smaller one (without --long), or they are damaged",
                       1U << LIMIT_WINDOW_LOG);
    }
    return err_set(err, FAILURE_DATA, "zstd data are damaged: %s", ZSTD_getErrorName(code));
}

struct status compression_pack(const void *data, size_t count, struct bytes *out, struct err *err) {
    size_t bound = ZSTD_compressBound(count);
    TRY(bytes_reserve(out, bound, err));
    size_t got = ZSTD_compress(out->data + out->count, bound, data, count, COMPRESSION_LEVEL);
    return packed_count(got, count, out, err);
}

void compressor_release(struct compressor *compressor) {
    (void)ZSTD_freeCCtx(compressor->memory);
    compressor->memory = NULL;
}

struct status compressor_pack(struct compressor *compressor, const void *data, size_t count,
                              struct bytes *out, struct err *err) {
    size_t bound = ZSTD_compressBound(count);
    TRY(bytes_reserve(out, bound, err));
    if (compressor->memory == NULL) {
        compressor->memory = ZSTD_createCCtx();
        if (compressor->memory == NULL) {
            return err_memory(err, count, "a compressor");
        }
    }
    size_t got = ZSTD_compressCCtx(compressor->memory, out->data + out->count, bound, data, count,
                                   compressor->level);
    return packed_count(got, count, out, err);
}

struct status compression_unpack(const void *data, size_t count, void *out, size_t raw_count,
                                 struct err *err) {
    size_t got = ZSTD_decompress(out, raw_count, data, count);
    if (ZSTD_isError(got)) {
        return unpack_failure(got, raw_count, err);
    }
    if (got != raw_count) {
        return err_set(err, FAILURE_DATA, "zstd data unpack to %zu bytes where %zu were promised",
                       got, raw_count);
    }
    return status_ok();
}

bool compression_is_zstd(const uint8_t *data, size_t count) {
    struct cursor cursor = cursor_over(data, count);
    uint32_t magic = cursor_u32(&cursor);
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

struct status unpacker_new(struct unpacker **unpacker, struct err *err) {
    struct unpacker *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->context = ZSTD_createDCtx();
        made->at_boundary = true;
    }
    if (made == NULL || made->context == NULL) {
        unpacker_free(made);
        return err_memory(err, sizeof *made, "a decompressor");
    }
    (void)ZSTD_DCtx_setParameter(made->context, ZSTD_d_windowLogMax, LIMIT_WINDOW_LOG);
    *unpacker = made;
    return status_ok();
}

void unpacker_free(struct unpacker *unpacker) {
    if (unpacker != NULL) {
        (void)ZSTD_freeDCtx(unpacker->context);
        free(unpacker);
    }
}

/* In a stream zstd lets an empty last block end a frame before the length that its header promises;
 * in one go it refuses the same frame. */
static struct status frame_account(struct unpacker *unpacker, const uint8_t *in, size_t used,
                                   size_t made, bool is_over, struct err *err) {
    size_t room = FRAME_HEADER_BYTES - unpacker->header_count;
    size_t taken = used < room ? used : room;
    if (taken > 0) {
        memcpy(unpacker->header + unpacker->header_count, in, taken);
    }
    unpacker->header_count += taken;
    unpacker->made += made;
    if (is_over) {
        uint64_t promised = ZSTD_getFrameContentSize(unpacker->header, unpacker->header_count);
        if (promised != ZSTD_CONTENTSIZE_UNKNOWN && promised != unpacker->made) {
            return err_set(err, FAILURE_DATA,
                           "zstd data are damaged: a frame is shorter than it promises");
        }
        unpacker->header_count = 0;
        unpacker->made = 0;
    }
    return status_ok();
}

struct status unpacker_step(struct unpacker *unpacker, const uint8_t *in, size_t in_count,
                            size_t *in_used, uint8_t *out, size_t out_capacity, size_t *out_count,
                            struct err *err) {
    ZSTD_inBuffer source = {in, in_count, 0};
    ZSTD_outBuffer target = {out, out_capacity, 0};
    size_t left = ZSTD_decompressStream(unpacker->context, &target, &source);
    if (ZSTD_isError(left)) {
        return unpack_failure(left, out_capacity, err);
    }
    if (source.pos > 0 || target.pos > 0) {
        TRY(frame_account(unpacker, in, source.pos, target.pos, left == 0, err));
        unpacker->at_boundary = left == 0;
    }
    *in_used = source.pos;
    *out_count = target.pos;
    return status_ok();
}

bool unpacker_is_at_boundary(const struct unpacker *unpacker) {
    return unpacker->at_boundary;
}

struct status packer_new(struct packer **packer, struct err *err) {
    struct packer *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->context = ZSTD_createCCtx();
    }
    if (made == NULL || made->context == NULL) {
        packer_free(made);
        return err_memory(err, sizeof *made, "a compressor");
    }
    (void)ZSTD_CCtx_setParameter(made->context, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
    (void)ZSTD_CCtx_setParameter(made->context, ZSTD_c_checksumFlag, 1);
    *packer = made;
    return status_ok();
}

void packer_free(struct packer *packer) {
    if (packer != NULL) {
        (void)ZSTD_freeCCtx(packer->context);
        free(packer);
    }
}

struct status packer_step(struct packer *packer, const void *data, size_t count, bool finish,
                          struct bytes *out, struct err *err) {
    ZSTD_inBuffer source = {data, count, 0};
    ZSTD_EndDirective directive = finish ? ZSTD_e_end : ZSTD_e_continue;
    size_t left;
    do {
        TRY(bytes_reserve(out, ZSTD_CStreamOutSize(), err));
        ZSTD_outBuffer target = {out->data + out->count, ZSTD_CStreamOutSize(), 0};
        left = ZSTD_compressStream2(packer->context, &target, &source, directive);
        if (ZSTD_isError(left)) {
            return err_memory(err, count, "a compressor");
        }
        out->count += target.pos;
    } while (source.pos < source.size || (finish && left != 0));
    return status_ok();
}

/* Room to unpack into where the length is not known: as much again as there is, up to one byte more
 * than allowed, by which too much is found out. */
static struct status unpack_reserve(struct bytes *out, size_t raw_max, struct err *err) {
    enum { ROOM_FIRST = 1 << 16 };
    size_t room = out->count < ROOM_FIRST ? ROOM_FIRST : out->count;
    size_t left = raw_max + 1 - out->count;
    return bytes_reserve(out, room < left ? room : left, err);
}

static size_t unpack_room(const struct bytes *out, size_t raw_max) {
    size_t room = out->capacity - out->count;
    size_t left = raw_max + 1 - out->count;
    return room < left ? room : left;
}

static struct status unpack_too_much(struct err *err, size_t raw_max) {
    return err_set(err, FAILURE_DATA, "compressed data unpack to more than the %zu bytes allowed",
                   raw_max);
}

struct status compression_unpack_any(const void *data, size_t count, size_t raw_max,
                                     struct bytes *out, struct err *err) {
    struct unpacker *unpacker = NULL;
    const uint8_t *in = data;
    size_t at = 0;
    size_t used = 1;
    size_t got = 0;
    out->count = 0;
    TRY(unpacker_new(&unpacker, err));
    struct status status = status_ok();
    while (!failed(status) && (used != 0 || got != 0)) {
        TRY_OR(done, status, unpack_reserve(out, raw_max, err));
        TRY_OR(done, status,
               unpacker_step(unpacker, in + at, count - at, &used, out->data + out->count,
                             unpack_room(out, raw_max), &got, err));
        at += used;
        out->count += got;
        if (out->count > raw_max) {
            status = unpack_too_much(err, raw_max);
        }
    }
    if (!failed(status) && (at != count || !unpacker_is_at_boundary(unpacker))) {
        status = err_set(err, FAILURE_DATA, "zstd data end too early");
    }
done:
    unpacker_free(unpacker);
    return status;
}

/* ---- deflate ---- */

/* Writers that cut zlib's envelope off its stream leave some of its checksum behind it. */
enum { RAW_WINDOW_BITS = -15, DEFLATE_MEMORY = 8, DEFLATE_TAIL_BYTES = 4 };

struct status deflate_pack(const void *data, size_t count, struct bytes *out, struct err *err) {
    assert(count <= UINT_MAX);
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, RAW_WINDOW_BITS, DEFLATE_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return err_memory(err, count, "a compressor");
    }
    size_t bound = deflateBound(&stream, count);
    struct status status = bytes_reserve(out, bound, err);
    if (!failed(status)) {
        stream.next_in = (Bytef *)(uintptr_t)data; /* only read */
        stream.avail_in = (uInt)count;
        stream.next_out = out->data + out->count;
        stream.avail_out = (uInt)bound;
        int code = deflate(&stream, Z_FINISH);
        assert(code == Z_STREAM_END); /* the bound holds */
        out->count += bound - stream.avail_out;
    }
    (void)deflateEnd(&stream);
    return status;
}

/* Unpacks to the end of the stream. */
static struct status inflate_all(z_stream *stream, size_t raw_max, struct bytes *out,
                                 struct err *err) {
    int code = Z_OK;
    while (code == Z_OK) {
        TRY(unpack_reserve(out, raw_max, err));
        size_t room = unpack_room(out, raw_max);
        stream->next_out = out->data + out->count;
        stream->avail_out = (uInt)room;
        code = inflate(stream, Z_NO_FLUSH);
        out->count += room - stream->avail_out;
        if (out->count > raw_max) {
            return unpack_too_much(err, raw_max);
        }
    }
    if (code == Z_MEM_ERROR) {
        return err_memory(err, raw_max, "a decompressor");
    }
    if (code != Z_STREAM_END || stream->avail_in > DEFLATE_TAIL_BYTES) {
        return err_set(err, FAILURE_DATA, "deflate data are damaged: %s",
                       stream->msg != NULL    ? stream->msg
                       : code == Z_STREAM_END ? "they go on behind the end of the stream"
                                              : "they end too early");
    }
    return status_ok();
}

struct status deflate_unpack(const void *data, size_t count, size_t raw_max, struct bytes *out,
                             struct err *err) {
    assert(count <= UINT_MAX && raw_max < UINT_MAX);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)count};
    out->count = 0;
    if (inflateInit2(&stream, RAW_WINDOW_BITS) != Z_OK) {
        return err_memory(err, count, "a decompressor");
    }
    struct status status = inflate_all(&stream, raw_max, out, err);
    (void)inflateEnd(&stream);
    return status;
}
