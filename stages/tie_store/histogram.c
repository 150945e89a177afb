#include "stages/tie_store/histogram.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_BYTES = 12 };

void histogram_release(struct histogram *histogram) {
    free(histogram->counts);
    *histogram = (struct histogram){0};
}

/* Makes room for the counts of `value` and all below. */
static struct status histogram_hold(struct histogram *histogram, uint32_t value, struct err *err) {
    if (value < histogram->size) {
        return status_ok();
    }
    size_t size = (size_t)value + value / 2 + 64;
    uint64_t *grown = reallocarray(histogram->counts, size, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, size * sizeof *grown, "a histogram");
    }
    memset(grown + histogram->size, 0, (size - histogram->size) * sizeof *grown);
    histogram->counts = grown;
    histogram->size = size;
    return status_ok();
}

struct status histogram_add(struct histogram *histogram, uint32_t value, uint64_t count,
                            struct err *err) {
    TRY(histogram_hold(histogram, value, err));
    histogram->counts[value] += count;
    histogram->total += count;
    return status_ok();
}

struct status histogram_add_each(struct histogram *histogram, const uint32_t *values, size_t count,
                                 struct err *err) {
    uint32_t greatest = 0;
    for (size_t i = 0; i < count; i++) {
        greatest = values[i] > greatest ? values[i] : greatest;
    }
    TRY(histogram_hold(histogram, greatest, err));
    for (size_t i = 0; i < count; i++) {
        histogram->counts[values[i]]++;
    }
    histogram->total += count;
    return status_ok();
}

struct status histogram_merge(struct histogram *histogram, const struct histogram *other,
                              struct err *err) {
    for (size_t value = 0; value < other->size; value++) {
        if (other->counts[value] != 0) {
            TRY(histogram_add(histogram, (uint32_t)value, other->counts[value], err));
        }
    }
    return status_ok();
}

uint32_t histogram_at_rank(const struct histogram *histogram, uint64_t rank) {
    assert(rank >= 1 && rank <= histogram->total);
    uint64_t below = 0;
    for (size_t value = 0; value < histogram->size; value++) {
        below += histogram->counts[value];
        if (below >= rank) {
            return (uint32_t)value;
        }
    }
    assert(false);
    return 0;
}

uint64_t histogram_sum(const struct histogram *histogram) {
    uint64_t sum = 0;
    for (size_t value = 0; value < histogram->size; value++) {
        sum += value * histogram->counts[value];
    }
    return sum;
}

double histogram_mean(const struct histogram *histogram) {
    return histogram->total == 0 ? 0.0
                                 : (double)histogram_sum(histogram) / (double)histogram->total;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint32_t value) {
    uint64_t sum = 0;
    for (size_t i = 0; i < histogram->size && i <= value; i++) {
        sum += histogram->counts[i];
    }
    return sum;
}

static struct status payload_fill(const struct histogram *histogram, size_t items,
                                  struct bytes *payload, struct frame *frame, struct err *err) {
    TRY(bytes_reserve(payload, items * ITEM_BYTES + 1, err));
    uint32_t *values = malloc(items * sizeof *values + 1);
    uint64_t *counts = malloc(items * sizeof *counts + 1);
    struct status status = status_ok();
    if (values == NULL || counts == NULL) {
        TRY_OR(done, status, err_memory(err, items * ITEM_BYTES, "a histogram"));
    }
    size_t at = 0;
    for (size_t value = 0; value < histogram->size; value++) {
        if (histogram->counts[value] != 0) {
            values[at] = (uint32_t)value;
            counts[at++] = histogram->counts[value];
        }
    }
    assert(at == items);
    columns_split_u32(values, items, payload->data);
    columns_split_u64(counts, items, payload->data + items * sizeof *values);
    payload->count = items * ITEM_BYTES;
    *frame = (struct frame){
        .kind = FRAME_HISTOGRAM,
        .items = (uint32_t)items,
        .first = items == 0 ? 0 : values[0],
        .last = items == 0 ? 0 : values[items - 1],
        .payload_bytes = payload->count,
    };
done:
    free(values);
    free(counts);
    return status;
}

struct status histogram_save(const struct histogram *histogram, struct output *output,
                             struct err *err) {
    size_t items = 0;
    for (size_t value = 0; value < histogram->size; value++) {
        items += histogram->counts[value] != 0;
    }
    if (items > LIMIT_FRAME_ITEMS) {
        return err_set(err, FAILURE_DATA, "%zu distinct mutual counts: over the limit of %u", items,
                       LIMIT_FRAME_ITEMS);
    }
    struct bytes payload = {0};
    struct frame frame;
    struct frame_writer writer;
    frame_writer_init(&writer, output);
    struct status status = payload_fill(histogram, items, &payload, &frame, err);
    if (!failed(status)) {
        status = frame_writer_put(&writer, &frame, payload.data, err);
    }
    if (!failed(status)) {
        status = frame_writer_end(&writer, err);
    }
    frame_writer_release(&writer);
    bytes_release(&payload);
    return status;
}

/* Item i of a payload of `items` items. */
static void item_read(const uint8_t *payload, size_t items, size_t i, uint32_t *value,
                      uint64_t *count) {
    *value = 0;
    *count = 0;
    for (unsigned byte = 0; byte < 4; byte++) {
        *value |= (uint32_t)payload[byte * items + i] << (8 * byte);
    }
    for (unsigned byte = 0; byte < 8; byte++) {
        *count |= (uint64_t)payload[(4 + byte) * items + i] << (8 * byte);
    }
}

/* Checks a payload, whose length is right, before memory is taken for its largest value. */
static struct status payload_check(const uint8_t *payload, size_t items, uint64_t members,
                                   struct err *err) {
    uint64_t total = 0;
    uint32_t value = 0;
    for (size_t i = 0; i < items; i++) {
        uint32_t before = value;
        uint64_t count;
        item_read(payload, items, i, &value, &count);
        if (value >= members || (i > 0 && value <= before) || count == 0 ||
            count > UINT64_MAX - total) {
            return err_set(err, FAILURE_DATA,
                           "%" PRIu64 " ties with %u mutual connections after those with %u, among "
                           "%" PRIu64 " members: damaged",
                           count, value, before, members);
        }
        total += count;
    }
    if (items > 0 && value > (total - 1) / 2) { /* they take two ties each, made before */
        return err_set(err, FAILURE_DATA,
                       "a tie with %u mutual connections among %" PRIu64 " ties: damaged", value,
                       total);
    }
    return status_ok();
}

static struct status frame_add(struct histogram *histogram, uint64_t members,
                               const struct frame *frame, const struct bytes *payload,
                               struct err *err) {
    size_t items = frame->items;
    if (frame->kind != FRAME_HISTOGRAM || payload->count != items * ITEM_BYTES) {
        return err_set(err, FAILURE_DATA, "not a histogram of tieflow");
    }
    TRY(payload_check(payload->data, items, members, err));
    for (size_t i = 0; i < items; i++) {
        uint32_t value;
        uint64_t count;
        item_read(payload->data, items, i, &value, &count);
        TRY(histogram_add(histogram, value, count, err));
    }
    return status_ok();
}

struct status histogram_load(struct histogram *histogram, uint64_t members, struct input *input,
                             struct err *err) {
    struct frame_reader reader;
    struct bytes payload = {0};
    frame_reader_init(&reader, input);
    struct status status;
    size_t frames = 0;
    for (;;) {
        struct frame frame;
        bool more;
        TRY_OR(done, status, frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        frames++;
        status = frame_add(histogram, members, &frame, &payload, err);
        if (failed(status)) {
            err_prefix(err, "%s", input_name(input));
            goto done;
        }
    }
    if (frames != 1) {
        status = err_set(err, FAILURE_DATA, "%s: %zu histograms where one was expected: damaged",
                         input_name(input), frames);
    }
done:
    frame_reader_release(&reader);
    bytes_release(&payload);
    return status;
}
