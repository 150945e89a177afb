/* zstd, whole buffers and streams, and deflate, whole buffers: the one door to both libraries. */
#ifndef TIEFLOW_STAGES_BASE_COMPRESSION_H
#define TIEFLOW_STAGES_BASE_COMPRESSION_H

#include "schemas/status.h"
#include "stages/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* The level everywhere: 3 is zstd's own default, measured here at 6.7 bytes per tie for adjacency
 * and 1.5 GB/s to decode; higher levels gain little on ids that are nearly random. */
enum { COMPRESSION_LEVEL = 3 };

/* Where bytes are many and hardly repeat (nodes, packed bits): measured on tie segments, level 3
 * takes half as long again for 0.3 %. */
enum { COMPRESSION_LEVEL_FAST = 1 };

/* Appends the compressed form of `count` bytes to `out`. */
FALLIBLE compression_pack(const void *data, size_t count, struct bytes *out, struct err *err);

/* The same at another level, with working memory that is kept from call to call: zeroing it anew
 * costs as much as compressing a small buffer. For one thread at a time. Zero-initialised storage
 * is ready at the level in it. */
struct compressor {
    int level;
    void *memory;
};
void compressor_release(struct compressor *compressor);
FALLIBLE compressor_pack(struct compressor *compressor, const void *data, size_t count,
                         struct bytes *out, struct err *err);

/* Unpacks exactly `raw_count` bytes into `out` (caller's storage of that size). FAILURE_DATA where
 * the bytes are damaged or unpack to another length. */
FALLIBLE compression_unpack(const void *data, size_t count, void *out, size_t raw_count,
                            struct err *err);

/* True for the first four bytes of a zstd frame or of a skippable one (pzstd begins with those). */
bool compression_is_zstd(const uint8_t *data, size_t count);

/* Streams. One call takes what it can from `in` and gives what fits into `out`; both are borrowed
 * for the call. */
struct unpacker;
FALLIBLE unpacker_new(struct unpacker **unpacker, struct err *err);
void unpacker_free(struct unpacker *unpacker);
FALLIBLE unpacker_step(struct unpacker *unpacker, const uint8_t *in, size_t in_count,
                       size_t *in_used, uint8_t *out, size_t out_capacity, size_t *out_count,
                       struct err *err);
/* True between frames: an input that ends elsewhere is truncated. */
bool unpacker_is_at_boundary(const struct unpacker *unpacker);

struct packer;
FALLIBLE packer_new(struct packer **packer, struct err *err);
void packer_free(struct packer *packer);
/* Appends to `out` whatever the compressor gives up for `count` more bytes; with `finish` all. */
FALLIBLE packer_step(struct packer *packer, const void *data, size_t count, bool finish,
                     struct bytes *out, struct err *err);

/* Raw deflate (RFC 1951, without zlib's header), for formats of others. Pack appends to `out`;
 * unpack replaces the contents of `out` by what `count` bytes unpack to. FAILURE_DATA where they
 * are damaged, go on behind the end of the stream (4 bytes of what may have been zlib's checksum
 * are passed over), or unpack to more than `raw_max` bytes. */
FALLIBLE deflate_pack(const void *data, size_t count, struct bytes *out, struct err *err);
FALLIBLE deflate_unpack(const void *data, size_t count, size_t raw_max, struct bytes *out,
                        struct err *err);

/* The same for zstd whose unpacked length is not known: one or more whole frames. */
FALLIBLE compression_unpack_any(const void *data, size_t count, size_t raw_max, struct bytes *out,
                                struct err *err);

#endif
