#include "stages/base/compression.h"

#include "stages/base/cursor.h"

#include <stdlib.h>
#include <zstd.h>

struct unpacker {
    ZSTD_DCtx *context;
    bool at_boundary;
};

struct packer {
    ZSTD_CCtx *context;
};

struct status compression_pack(const void *data, size_t count, struct bytes *out, struct err *err) {
    size_t bound = ZSTD_compressBound(count);
    TRY(bytes_reserve(out, bound, err));
    size_t got = ZSTD_compress(out->data + out->count, bound, data, count, COMPRESSION_LEVEL);
    if (ZSTD_isError(got)) {
        return err_set(err, FAILURE_RETRY, "zstd cannot compress %zu bytes: %s", count,
                       ZSTD_getErrorName(got));
    }
    out->count += got;
    return status_ok();
}

struct status compression_unpack(const void *data, size_t count, void *out, size_t raw_count,
                                 struct err *err) {
    size_t got = ZSTD_decompress(out, raw_count, data, count);
    if (ZSTD_isError(got)) {
        return err_set(err, FAILURE_DATA, "zstd data are damaged: %s", ZSTD_getErrorName(got));
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
    *unpacker = made;
    return status_ok();
}

void unpacker_free(struct unpacker *unpacker) {
    if (unpacker != NULL) {
        (void)ZSTD_freeDCtx(unpacker->context);
        free(unpacker);
    }
}

struct status unpacker_step(struct unpacker *unpacker, const uint8_t *in, size_t in_count,
                            size_t *in_used, uint8_t *out, size_t out_capacity, size_t *out_count,
                            struct err *err) {
    ZSTD_inBuffer source = {in, in_count, 0};
    ZSTD_outBuffer target = {out, out_capacity, 0};
    size_t left = ZSTD_decompressStream(unpacker->context, &target, &source);
    if (ZSTD_isError(left)) {
        return err_set(err, FAILURE_DATA, "zstd data are damaged: %s", ZSTD_getErrorName(left));
    }
    if (source.pos > 0 || target.pos > 0) {
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
            return err_set(err, FAILURE_RETRY, "zstd cannot compress: %s", ZSTD_getErrorName(left));
        }
        out->count += target.pos;
    } while (source.pos < source.size || (finish && left != 0));
    return status_ok();
}
