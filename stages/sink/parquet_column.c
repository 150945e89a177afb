/* One data page per column and row group, and of Parquet's encodings only three that every reader
 * knows: DELTA_BINARY_PACKED for integers (why: delta.c), RLE_DICTIONARY for doubles that come
 * again (why: parquet_dictionary.c), PLAIN for the rest.
 *
 * Bits that are packed to what they differ in hold nothing for zstd: member ids and degrees became
 * 0.1 % smaller in as much time as all else takes. A few pieces of a page are tried; readers are
 * faster without it, too.
 *
 * Rejected: dictionary pages for integers (member ids hardly repeat within a row group) and texts
 * (zstd finds those that do), and runs of definition levels (zstd packs the bits as well).
 */
#include "stages/sink/parquet_column.h"

#include "schemas/limits.h"
#include "stages/base/compression.h"
#include "stages/base/utf8.h"
#include "stages/sink/delta.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Longer texts are left out of the statistics: the footer is read whole by every reader. */
enum { STATISTIC_TEXT_BYTES = 64 };

/* Numbers of parquet.thrift. */
enum {
    PHYSICAL_BOOLEAN = 0,
    PHYSICAL_INT32 = 1,
    PHYSICAL_INT64 = 2,
    PHYSICAL_DOUBLE = 5,
    PHYSICAL_BYTES = 6,
};
enum {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8 = 0,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_UINT_32 = 13,
    CONVERTED_UINT_64 = 14,
};
enum { REPETITION_REQUIRED = 0, REPETITION_OPTIONAL = 1 };
enum {
    ENCODING_PLAIN = 0,
    ENCODING_RLE = 3,
    ENCODING_DELTA_BINARY_PACKED = 5,
    ENCODING_RLE_DICTIONARY = 8,
};
enum { CODEC_NONE = 0, CODEC_ZSTD = 6 };
enum { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };

/* What is tried of a page of packed bits, evenly spread. It pays to compress the page where they
 * become smaller by an eighth. */
enum { SAMPLES = 4, SAMPLE_BYTES = 4096 };

#define SIGN_BIT (UINT64_C(1) << 63)

/* XOR with one of the last two masks, by the sign bit, turns the bits of a number into an unsigned
 * key of the same order, and turns it back. */
static const struct parquet_type {
    int32_t physical;
    int32_t converted;
    int32_t encoding;      /* of columns without a dictionary */
    unsigned bits;         /* of a number */
    uint64_t key_of_clear; /* mask where the sign bit is clear */
    uint64_t key_of_set;   /* mask where it is set */
} types[] = {
    [COLUMN_U64] = {PHYSICAL_INT64, CONVERTED_UINT_64, ENCODING_DELTA_BINARY_PACKED, 64, 0, 0},
    [COLUMN_U32] = {PHYSICAL_INT32, CONVERTED_UINT_32, ENCODING_DELTA_BINARY_PACKED, 32, 0, 0},
    [COLUMN_TIME_MS] = {PHYSICAL_INT64, CONVERTED_TIMESTAMP_MILLIS, ENCODING_DELTA_BINARY_PACKED,
                        64, SIGN_BIT, SIGN_BIT},
    [COLUMN_F64] = {PHYSICAL_DOUBLE, CONVERTED_NONE, ENCODING_PLAIN, 64, SIGN_BIT, UINT64_MAX},
    [COLUMN_TEXT] = {PHYSICAL_BYTES, CONVERTED_UTF8, ENCODING_PLAIN, 0, 0, 0},
    [COLUMN_BOOL] = {PHYSICAL_BOOLEAN, CONVERTED_NONE, ENCODING_PLAIN, 1, 0, 0},
};

static const struct parquet_type *type_of(const struct parquet_column *parquet) {
    return &types[parquet->column->type];
}

void parquet_column_init(struct parquet_column *parquet, const struct column *column) {
    assert(!column->nullable || (column->type != COLUMN_U32 && column->type != COLUMN_BOOL));
    *parquet = (struct parquet_column){.column = column};
}

void parquet_column_release(struct parquet_column *parquet) {
    free(parquet->numbers);
    bytes_release(&parquet->texts);
    bytes_release(&parquet->present);
}

void parquet_column_clear(struct parquet_column *parquet) {
    parquet->rows = 0;
    parquet->nulls = 0;
    parquet->texts.count = 0;
    parquet->present.count = 0;
}

static size_t number_count(const struct parquet_column *parquet) {
    return (size_t)(parquet->rows - parquet->nulls);
}

static size_t number_bytes(const struct column *column) {
    return column->type == COLUMN_U32 ? sizeof(uint32_t) : sizeof(uint64_t);
}

/* Makes room for `rows` more numbers behind the ones there are. */
static struct status reserve_numbers(struct parquet_column *parquet, size_t rows, struct err *err) {
    size_t wanted = number_count(parquet) + rows;
    if (wanted <= parquet->number_capacity) {
        return status_ok();
    }
    size_t capacity = 2 * parquet->number_capacity;
    capacity = capacity < wanted ? wanted : capacity;
    void *grown = realloc(parquet->numbers, capacity * number_bytes(parquet->column));
    if (grown == NULL) {
        return err_memory(err, capacity * number_bytes(parquet->column), "a column of a row group");
    }
    parquet->numbers = grown;
    parquet->number_capacity = capacity;
    return status_ok();
}

/* Makes `present` long enough for `rows` more rows; new bits are 0. */
static struct status reserve_present(struct parquet_column *parquet, size_t rows, struct err *err) {
    size_t bytes = (size_t)(parquet->rows + rows + 7) / 8;
    size_t extra = bytes - parquet->present.count;
    TRY(bytes_reserve(&parquet->present, extra, err));
    memset(parquet->present.data + parquet->present.count, 0, extra);
    parquet->present.count = bytes;
    return status_ok();
}

/* Bit i tells whether row first + i has a value; of at most 64 rows. */
static uint64_t present_bits(const struct column *column, const union column_values *values,
                             size_t first, size_t rows) {
    uint64_t bits = 0;
    if (column->type == COLUMN_TIME_MS) {
        for (size_t i = 0; i < rows; i++) {
            bits |= (uint64_t)(values->time_ms[first + i] != COLUMN_TIME_NULL) << i;
        }
        return bits;
    }
    for (size_t i = 0; i < rows; i++) {
        bits |= (uint64_t)!column_is_null(column, values, first + i) << i;
    }
    return bits;
}

/* Sets the bits of the rows that have a value and counts the others. */
static struct status mark_present(struct parquet_column *parquet, const union column_values *values,
                                  size_t first, size_t rows, struct err *err) {
    enum { STEP = 56 }; /* whose bits are in a word wherever they begin in a byte */
    TRY(reserve_present(parquet, rows, err));
    for (size_t done = 0; done < rows; done += STEP) {
        uint64_t row = parquet->rows + done;
        size_t step = rows - done < STEP ? rows - done : STEP;
        uint64_t bits = present_bits(parquet->column, values, first + done, step);
        parquet->nulls += step - (size_t)__builtin_popcountll(bits);
        bits <<= row % 8;
        for (size_t at = (size_t)(row / 8); bits != 0; at++) {
            parquet->present.data[at] |= (uint8_t)bits;
            bits >>= 8;
        }
    }
    return status_ok();
}

static void copy_known_u64(uint64_t *numbers, const struct optional_u64 *values, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        if (values[i].is_known) {
            *numbers++ = values[i].value;
        }
    }
}

/* All are written, and those that are none written over: there is room for every row. */
static void copy_known_times(uint64_t *numbers, const int64_t *times, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        *numbers = (uint64_t)times[i];
        numbers += times[i] != COLUMN_TIME_NULL;
    }
}

static void copy_known_doubles(uint64_t *numbers, const double *values, size_t rows) {
    for (size_t i = 0; i < rows; i++) {
        if (!isnan(values[i])) {
            memcpy(numbers++, &values[i], sizeof *numbers);
        }
    }
}

/* Writes the values of the rows that have one, all where `nullable` is false; of all types but
 * COLUMN_U32. */
static void copy_numbers(uint64_t *numbers, const struct column *column,
                         const union column_values *values, size_t first, size_t rows) {
    size_t bytes = rows * sizeof *numbers;
    switch (column->type) {
    case COLUMN_U64:
        if (column->nullable) {
            copy_known_u64(numbers, values->optional_u64 + first, rows);
        } else {
            memcpy(numbers, values->u64 + first, bytes);
        }
        return;
    case COLUMN_TIME_MS:
        if (column->nullable) {
            copy_known_times(numbers, values->time_ms + first, rows);
        } else {
            memcpy(numbers, values->time_ms + first, bytes);
        }
        return;
    case COLUMN_F64:
        if (column->nullable) {
            copy_known_doubles(numbers, values->f64 + first, rows);
        } else {
            memcpy(numbers, values->f64 + first, bytes);
        }
        return;
    case COLUMN_BOOL:
        for (size_t i = 0; i < rows; i++) {
            numbers[i] = values->flag[first + i];
        }
        return;
    case COLUMN_U32:
    case COLUMN_TEXT:
        break;
    }
    assert(false && "a column that holds no such numbers");
}

/* < 0, 0, > 0 as a comes before, with, after b, byte by byte. */
static int compare_texts(const struct bytes *texts, struct parquet_text a, struct parquet_text b) {
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = memcmp(texts->data + a.at, texts->data + b.at, common);
    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

static struct status add_texts(struct parquet_column *parquet, const char *const *values,
                               size_t rows, struct err *err) {
    struct bytes *texts = &parquet->texts;
    for (size_t i = 0; i < rows; i++) {
        if (values[i] == NULL) {
            continue;
        }
        size_t bytes = strlen(values[i]);
        assert(bytes <= LIMIT_DOCUMENT_BYTES);
        TRY(bytes_reserve(texts, 4 + bytes, err));
        put_u32(texts->data + texts->count, (uint32_t)bytes);
        struct parquet_text text = {.at = texts->count + 4, .bytes = bytes};
        utf8_clean((char *)texts->data + text.at, values[i], bytes);
        bool first = texts->count == 0;
        texts->count += 4 + bytes;
        if (first || compare_texts(texts, text, parquet->least) < 0) {
            parquet->least = text;
        }
        if (first || compare_texts(texts, text, parquet->most) > 0) {
            parquet->most = text;
        }
    }
    return status_ok();
}

struct status parquet_column_add(struct parquet_column *parquet, const union column_values *values,
                                 size_t first, size_t rows, struct err *err) {
    if (parquet->column->type == COLUMN_TEXT) {
        TRY(add_texts(parquet, values->text + first, rows, err));
    } else if (parquet->column->type == COLUMN_U32) {
        TRY(reserve_numbers(parquet, rows, err));
        uint32_t *numbers = parquet->numbers;
        memcpy(numbers + number_count(parquet), values->u32 + first, rows * sizeof *numbers);
    } else {
        TRY(reserve_numbers(parquet, rows, err));
        uint64_t *numbers = parquet->numbers;
        copy_numbers(numbers + number_count(parquet), parquet->column, values, first, rows);
    }
    if (parquet->column->nullable) {
        TRY(mark_present(parquet, values, first, rows, err));
    }
    parquet->rows += rows;
    return status_ok();
}

void parquet_pages_release(struct parquet_pages *pages) {
    bytes_release(&pages->file);
}

void parquet_workshop_release(struct parquet_workshop *workshop) {
    compressor_release(&workshop->compressor);
    compressor_release(&workshop->sampler);
    parquet_dictionary_release(&workshop->dictionary);
    bytes_release(&workshop->values);
    bytes_release(&workshop->raw);
    bytes_release(&workshop->packed);
}

static struct status put_levels(const struct parquet_column *parquet, struct bytes *out,
                                struct err *err) {
    uint8_t start[4 + 10];
    size_t count = 4;
    uint64_t run = parquet->present.count << 1 | 1;
    for (; run > 0x7f; run >>= 7) {
        start[count++] = (uint8_t)(run | 0x80);
    }
    start[count++] = (uint8_t)run;
    put_u32(start, (uint32_t)(count - 4 + parquet->present.count));
    TRY(bytes_append(out, start, count, err));
    return bytes_append(out, parquet->present.data, parquet->present.count, err);
}

static struct status put_plain_numbers(const uint64_t *numbers, size_t count, struct bytes *out,
                                       struct err *err) {
    TRY(bytes_reserve(out, count * 8, err));
    uint8_t *at = out->data + out->count;
    for (size_t i = 0; i < count; i++) {
        put_u64(at + i * 8, numbers[i]);
    }
    out->count += count * 8;
    return status_ok();
}

static struct status put_plain_flags(const struct parquet_column *parquet, struct bytes *out,
                                     struct err *err) {
    size_t count = number_count(parquet);
    size_t bytes = (count + 7) / 8;
    const uint64_t *flags = parquet->numbers;
    TRY(bytes_reserve(out, bytes, err));
    uint8_t *at = out->data + out->count;
    memset(at, 0, bytes);
    for (size_t i = 0; i < count; i++) {
        at[i / 8] |= (uint8_t)(flags[i] << i % 8);
    }
    out->count += bytes;
    return status_ok();
}

static struct status put_values(const struct parquet_column *parquet, struct bytes *out,
                                struct err *err) {
    if (parquet->column->type == COLUMN_TEXT) {
        return bytes_append(out, parquet->texts.data, parquet->texts.count, err);
    }
    if (parquet->column->type == COLUMN_BOOL) {
        return put_plain_flags(parquet, out, err);
    }
    if (type_of(parquet)->encoding == ENCODING_PLAIN) {
        return put_plain_numbers(parquet->numbers, number_count(parquet), out, err);
    }
    return parquet->column->type == COLUMN_U32
               ? delta_encode_u32(parquet->numbers, number_count(parquet), out, err)
               : delta_encode_u64(parquet->numbers, number_count(parquet), out, err);
}

/* Fills the dictionary page and the data page behind it; false in *pays, and nothing done, where
 * the column has no use for a dictionary. */
static struct status put_numbers(const struct parquet_column *parquet,
                                 struct parquet_workshop *workshop, bool *pays, struct err *err) {
    struct parquet_dictionary *dictionary = &workshop->dictionary;
    *pays = false;
    if (parquet->column->type != COLUMN_F64) {
        return status_ok();
    }
    size_t count = number_count(parquet);
    TRY(parquet_dictionary_fill(dictionary, parquet->numbers, count, pays, err));
    if (!*pays) {
        return status_ok();
    }
    TRY(put_plain_numbers(dictionary->values, dictionary->count, &workshop->values, err));
    return parquet_dictionary_put_numbers(dictionary, count, &workshop->raw, err);
}

/* Whether compressing the page is worth its time: always for what is not packed bits. */
static struct status pays_to_compress(struct parquet_workshop *workshop, int32_t encoding,
                                      bool *pays, struct err *err) {
    const struct bytes *raw = &workshop->raw;
    *pays = true;
    if (encoding == ENCODING_PLAIN) {
        return status_ok();
    }
    size_t pieces = raw->count > (size_t)SAMPLES * SAMPLE_BYTES ? SAMPLES : 1;
    size_t piece_bytes = pieces == 1 ? raw->count : SAMPLE_BYTES;
    size_t step = pieces == 1 ? 0 : (raw->count - SAMPLE_BYTES) / (SAMPLES - 1);
    workshop->packed.count = 0;
    for (size_t i = 0; i < pieces; i++) {
        TRY(compressor_pack(&workshop->sampler, raw->data + i * step, piece_bytes,
                            &workshop->packed, err));
    }
    size_t tried = pieces * piece_bytes;
    *pays = workshop->packed.count < tried - tried / 8;
    return status_ok();
}

/* Appends a page to the file: header and payload. */
static struct status put_page(const struct parquet_column *parquet,
                              struct parquet_workshop *workshop, const struct bytes *raw,
                              bool is_dictionary, struct parquet_pages *pages, struct err *err) {
    const struct bytes *stored = raw;
    size_t before = pages->file.count;
    if (pages->codec == CODEC_ZSTD) {
        workshop->packed.count = 0;
        TRY(compressor_pack(&workshop->compressor, raw->data, raw->count, &workshop->packed, err));
        stored = &workshop->packed;
    }
    assert(raw->count <= INT32_MAX && stored->count <= INT32_MAX);
    struct thrift thrift;
    thrift_begin(&thrift, &pages->file, err);
    thrift_struct_open(&thrift, THRIFT_ITEM); /* PageHeader */
    thrift_i32(&thrift, 1, is_dictionary ? PAGE_DICTIONARY : PAGE_DATA);
    thrift_i32(&thrift, 2, (int32_t)raw->count);
    thrift_i32(&thrift, 3, (int32_t)stored->count);
    if (is_dictionary) {
        thrift_struct_open(&thrift, 7); /* DictionaryPageHeader */
        thrift_i32(&thrift, 1, (int32_t)workshop->dictionary.count);
        thrift_i32(&thrift, 2, ENCODING_PLAIN);
    } else {
        thrift_struct_open(&thrift, 5); /* DataPageHeader */
        thrift_i32(&thrift, 1, (int32_t)parquet->rows);
        thrift_i32(&thrift, 2, pages->encoding);
        thrift_i32(&thrift, 3, ENCODING_RLE); /* definition levels */
        thrift_i32(&thrift, 4, ENCODING_RLE); /* repetition levels: a flat table has none */
    }
    thrift_struct_close(&thrift);
    thrift_struct_close(&thrift);
    TRY(thrift_end(&thrift));
    pages->raw_bytes += pages->file.count - before + raw->count;
    return bytes_append(&pages->file, stored->data, stored->count, err);
}

static void put_logical_type(enum column_type type, struct thrift *thrift) {
    switch (type) {
    case COLUMN_U64:
    case COLUMN_U32:
        thrift_struct_open(thrift, 10); /* INTEGER */
        thrift_i8(thrift, 1, type == COLUMN_U64 ? 64 : 32);
        thrift_bool(thrift, 2, false); /* isSigned */
        thrift_struct_close(thrift);
        break;
    case COLUMN_TIME_MS:
        thrift_struct_open(thrift, 8); /* TIMESTAMP */
        thrift_bool(thrift, 1, true);  /* isAdjustedToUTC */
        thrift_struct_open(thrift, 2); /* unit */
        thrift_struct_open(thrift, 1); /* MILLIS */
        thrift_struct_close(thrift);
        thrift_struct_close(thrift);
        thrift_struct_close(thrift);
        break;
    case COLUMN_TEXT:
        thrift_struct_open(thrift, 1); /* STRING */
        thrift_struct_close(thrift);
        break;
    case COLUMN_F64:
    case COLUMN_BOOL:
        assert(false && "doubles and flags have no logical type");
    }
}

void parquet_column_put_schema(const struct column *column, struct thrift *thrift) {
    thrift_struct_open(thrift, THRIFT_ITEM); /* SchemaElement */
    thrift_i32(thrift, 1, types[column->type].physical);
    thrift_i32(thrift, 3, column->nullable ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
    thrift_text(thrift, 4, column->name, strlen(column->name));
    if (types[column->type].converted != CONVERTED_NONE) {
        thrift_i32(thrift, 6, types[column->type].converted);
        thrift_struct_open(thrift, 10); /* LogicalType */
        put_logical_type(column->type, thrift);
        thrift_struct_close(thrift);
    }
    thrift_struct_close(thrift);
}

static uint64_t key_of(const struct parquet_type *type, uint64_t bits) {
    uint64_t is_set = 0 - (bits >> 63); /* all ones, or none */
    return bits ^ type->key_of_clear ^ (is_set & (type->key_of_clear ^ type->key_of_set));
}

/* Both masks of a type treat the sign bit alike: the key tells which one was used. */
static uint64_t bits_of(const struct parquet_type *type, uint64_t key) {
    bool was_clear = ((key ^ type->key_of_clear) & SIGN_BIT) == 0;
    return key ^ (was_clear ? type->key_of_clear : type->key_of_set);
}

/* Keys while the least and the greatest are looked for. */
struct key_bounds {
    uint64_t least;
    uint64_t most;
};

static struct key_bounds bounds_u32(const uint32_t *numbers, size_t count) {
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        least = numbers[i] < least ? numbers[i] : least;
        most = numbers[i] > most ? numbers[i] : most;
    }
    return (struct key_bounds){least, most};
}

static inline struct key_bounds bounds_widen(struct key_bounds bounds, uint64_t key) {
    bounds.least = key < bounds.least ? key : bounds.least;
    bounds.most = key > bounds.most ? key : bounds.most;
    return bounds;
}

/* Two at once: each comparison waits for the one before. */
static struct key_bounds bounds_u64(const struct parquet_type *type, const uint64_t *numbers,
                                    size_t count) {
    struct key_bounds even = {UINT64_MAX, 0};
    struct key_bounds odd = even;
    for (size_t i = 0; i + 1 < count; i += 2) {
        even = bounds_widen(even, key_of(type, numbers[i]));
        odd = bounds_widen(odd, key_of(type, numbers[i + 1]));
    }
    if (count % 2 == 1) {
        even = bounds_widen(even, key_of(type, numbers[count - 1]));
    }
    return (struct key_bounds){
        .least = odd.least < even.least ? odd.least : even.least,
        .most = odd.most > even.most ? odd.most : even.most,
    };
}

/* The least and the greatest number of a column that has any, as bits; of a column with a
 * dictionary these are the dictionary's. */
static void number_bounds(const struct parquet_column *parquet,
                          const struct parquet_dictionary *dictionary, uint64_t *least,
                          uint64_t *most) {
    const struct parquet_type *type = type_of(parquet);
    size_t count = number_count(parquet);
    struct key_bounds bounds;
    if (parquet->column->type == COLUMN_U32) {
        bounds = bounds_u32(parquet->numbers, count);
    } else if (dictionary != NULL) {
        bounds = bounds_u64(type, dictionary->values, dictionary->count);
    } else {
        bounds = bounds_u64(type, parquet->numbers, count);
    }
    *least = bits_of(type, bounds.least);
    *most = bits_of(type, bounds.most);
    if (parquet->column->type == COLUMN_F64) {
        /* The two zeros are equal to a reader: the format wants -0 as a least, +0 as a greatest. */
        *least = *least == 0 ? SIGN_BIT : *least;
        *most = *most == SIGN_BIT ? 0 : *most;
    }
}

static void put_statistics(const struct parquet_column *parquet, const struct parquet_pages *pages,
                           struct thrift *thrift) {
    thrift_i64(thrift, 3, (int64_t)parquet->nulls);
    if (parquet->nulls == parquet->rows) {
        return;
    }
    if (parquet->column->type == COLUMN_TEXT) {
        struct parquet_text least = parquet->least;
        struct parquet_text most = parquet->most;
        if (least.bytes <= STATISTIC_TEXT_BYTES && most.bytes <= STATISTIC_TEXT_BYTES) {
            thrift_text(thrift, 5, parquet->texts.data + most.at, most.bytes);
            thrift_text(thrift, 6, parquet->texts.data + least.at, least.bytes);
        }
        return;
    }
    uint8_t number[8];
    put_u64(number, pages->most); /* a number of 32 bits is its lower half */
    size_t bytes = (type_of(parquet)->bits + 7) / 8;
    thrift_text(thrift, 5, number, bytes);
    put_u64(number, pages->least);
    thrift_text(thrift, 6, number, bytes);
}

struct status parquet_column_pages(const struct parquet_column *parquet,
                                   struct parquet_workshop *workshop, struct parquet_pages *pages,
                                   struct err *err) {
    bool has_numbers;
    bool pays;
    workshop->compressor.level = COMPRESSION_LEVEL;
    workshop->sampler.level = COMPRESSION_LEVEL_FAST;
    workshop->values.count = 0;
    workshop->raw.count = 0;
    pages->file.count = 0;
    pages->raw_bytes = 0;
    if (parquet->column->nullable) {
        TRY(put_levels(parquet, &workshop->raw, err));
    }
    TRY(put_numbers(parquet, workshop, &has_numbers, err));
    if (!has_numbers) {
        TRY(put_values(parquet, &workshop->raw, err));
    }
    pages->encoding = has_numbers ? ENCODING_RLE_DICTIONARY : type_of(parquet)->encoding;
    TRY(pays_to_compress(workshop, pages->encoding, &pays, err));
    pages->codec = pays ? CODEC_ZSTD : CODEC_NONE;
    if (has_numbers) {
        TRY(put_page(parquet, workshop, &workshop->values, true, pages, err));
    }
    pages->data_page = pages->file.count;
    TRY(put_page(parquet, workshop, &workshop->raw, false, pages, err));
    if (parquet->column->type != COLUMN_TEXT) {
        number_bounds(parquet, has_numbers ? &workshop->dictionary : NULL, &pages->least,
                      &pages->most);
    }
    return status_ok();
}

void parquet_column_put_chunk(const struct parquet_column *parquet,
                              const struct parquet_pages *pages, uint64_t offset,
                              struct thrift *thrift) {
    const char *name = parquet->column->name;
    bool has_dictionary = pages->data_page != 0;
    thrift_struct_open(thrift, THRIFT_ITEM); /* ColumnChunk */
    thrift_i64(thrift, 2, 0);                /* no metadata outside the footer */
    thrift_struct_open(thrift, 3);           /* ColumnMetaData */
    thrift_i32(thrift, 1, type_of(parquet)->physical);
    thrift_list(thrift, 2, THRIFT_I32, has_dictionary ? 3 : 2);
    thrift_i32(thrift, THRIFT_ITEM, pages->encoding);
    thrift_i32(thrift, THRIFT_ITEM, ENCODING_RLE);
    if (has_dictionary) {
        thrift_i32(thrift, THRIFT_ITEM, ENCODING_PLAIN);
    }
    thrift_list(thrift, 3, THRIFT_TEXT, 1);
    thrift_text(thrift, THRIFT_ITEM, name, strlen(name));
    thrift_i32(thrift, 4, pages->codec);
    thrift_i64(thrift, 5, (int64_t)parquet->rows);
    thrift_i64(thrift, 6, (int64_t)pages->raw_bytes);
    thrift_i64(thrift, 7, (int64_t)pages->file.count);
    thrift_i64(thrift, 9, (int64_t)(offset + pages->data_page));
    if (has_dictionary) {
        thrift_i64(thrift, 11, (int64_t)offset);
    }
    thrift_struct_open(thrift, 12); /* Statistics */
    put_statistics(parquet, pages, thrift);
    thrift_struct_close(thrift);
    thrift_struct_close(thrift);
    thrift_struct_close(thrift);
}
