#include "stages/state/degrees.h"

#include "stages/base/columns.h"
#include "stages/base/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct degrees_writer {
    struct frame_writer frames;
    uint64_t first; /* node of degrees[0] */
    size_t count;
    uint32_t degrees[DEGREES_FRAME_NODES];
    uint8_t planes[DEGREES_FRAME_NODES * sizeof(uint32_t)];
};

struct status degrees_writer_new(struct degrees_writer **writer, struct output *output,
                                 struct err *err) {
    struct degrees_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the degrees");
    }
    frame_writer_init(&made->frames, output);
    *writer = made;
    return status_ok();
}

void degrees_writer_free(struct degrees_writer *writer) {
    if (writer != NULL) {
        frame_writer_release(&writer->frames);
        free(writer);
    }
}

static struct status degrees_flush(struct degrees_writer *writer, struct err *err) {
    if (writer->count == 0) {
        return status_ok();
    }
    columns_split_u32(writer->degrees, writer->count, writer->planes);
    struct frame frame = {
        .kind = FRAME_DEGREES,
        .items = (uint32_t)writer->count,
        .first = (int64_t)writer->first,
        .last = (int64_t)(writer->first + writer->count) - 1,
        .payload_bytes = writer->count * sizeof(uint32_t),
    };
    writer->first += writer->count;
    writer->count = 0;
    return frame_writer_put(&writer->frames, &frame, writer->planes, err);
}

struct status degrees_writer_put(struct degrees_writer *writer, const struct arrival_rows *rows,
                                 struct err *err) {
    assert(rows->first == writer->first + writer->count);
    const uint64_t *offsets = rows->offsets.data;
    for (uint32_t i = 0; i < rows->end - rows->first; i++) {
        writer->degrees[writer->count++] = (uint32_t)(offsets[i + 1] - offsets[i]);
        if (writer->count == DEGREES_FRAME_NODES) {
            TRY(degrees_flush(writer, err));
        }
    }
    return status_ok();
}

struct status degrees_writer_end(struct degrees_writer *writer, struct err *err) {
    TRY(degrees_flush(writer, err));
    return frame_writer_end(&writer->frames, err);
}

/* Takes one frame over behind the first *known degrees. */
static struct status frame_take(const struct frame *frame, const struct bytes *payload,
                                uint32_t *degrees, size_t *known, size_t node_count,
                                struct err *err) {
    size_t count = frame->items;
    size_t left = node_count - *known;
    bool is_next = frame->kind == FRAME_DEGREES && frame->first == (int64_t)*known &&
                   count == (left < DEGREES_FRAME_NODES ? left : DEGREES_FRAME_NODES) &&
                   count != 0 && payload->count == count * sizeof *degrees;
    if (is_next) {
        columns_join_u32(payload->data, count, degrees + *known);
    }
    for (size_t i = 0; i < count && is_next; i++) {
        is_next = degrees[*known + i] < node_count;
    }
    if (!is_next) {
        return err_set(err, FAILURE_DATA,
                       "not the next degrees (kind %d, %zu items from %" PRId64
                       ", expected %zu): damaged, or of another generation",
                       (int)frame->kind, count, frame->first, *known);
    }
    *known += count;
    return status_ok();
}

static struct status frames_take(struct frame_reader *reader, struct bytes *payload,
                                 uint32_t *degrees, size_t node_count, struct err *err) {
    size_t known = 0;
    for (;;) {
        struct frame frame;
        bool more;
        TRY(frame_reader_next(reader, &frame, payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        struct status status = frame_take(&frame, payload, degrees, &known, node_count, err);
        if (failed(status)) {
            err_prefix(err, "%s", input_name(reader->input));
            return status;
        }
    }
    return known == node_count ? status_ok()
                               : err_set(err, FAILURE_DATA,
                                         "%s: %zu degrees of %zu members: damaged, or of another "
                                         "generation",
                                         input_name(reader->input), known, node_count);
}

struct status degrees_load(struct pages *degrees, struct input *input, size_t node_count,
                           struct err *err) {
    struct frame_reader reader;
    struct bytes payload = {0};
    TRY(pages_grow(degrees, (node_count + 1) * sizeof(uint32_t), "the degrees", err));
    frame_reader_init(&reader, input);
    struct status status = frames_take(&reader, &payload, degrees->data, node_count, err);
    frame_reader_release(&reader);
    bytes_release(&payload);
    return status;
}
