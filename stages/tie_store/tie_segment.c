#include "stages/tie_store/tie_segment.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { TIE_BYTES = 29, ENDING_BYTES = 24 };

struct tie_segment_writer {
    struct frame_writer frames;
    struct bytes payload;
    uint64_t next_tie; /* number of the first tie in `ties` */
    size_t ending_count;
    struct tie_columns ties;
    struct tie_ending endings[TIE_SEGMENT_FRAME_ITEMS];
    uint64_t wide[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t narrow[TIE_SEGMENT_FRAME_ITEMS];
};

struct tie_segment_reader {
    struct input *input;
    struct frame_reader frames;
    struct bytes payload;
    bool has_ties;     /* a frame of ties has been read */
    uint64_t next_tie; /* the number behind its last */
    struct tie_columns ties;
    struct tie_ending endings[TIE_SEGMENT_FRAME_ITEMS];
    uint64_t wide[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t narrow[TIE_SEGMENT_FRAME_ITEMS];
};

struct status tie_segment_writer_new(struct tie_segment_writer **writer, struct output *output,
                                     uint64_t first_tie, struct err *err) {
    struct tie_segment_writer *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the tie store");
    }
    frame_writer_init(&made->frames, output);
    made->next_tie = first_tie;
    *writer = made;
    return status_ok();
}

void tie_segment_writer_free(struct tie_segment_writer *writer) {
    if (writer != NULL) {
        frame_writer_release(&writer->frames);
        bytes_release(&writer->payload);
        free(writer);
    }
}

/* Appends a column to the payload, for which there is room. */
static void column_put_u32(struct bytes *payload, const uint32_t *items, size_t count) {
    columns_split_u32(items, count, payload->data + payload->count);
    payload->count += count * sizeof *items;
}

static void column_put_u64(struct bytes *payload, const uint64_t *items, size_t count) {
    columns_split_u64(items, count, payload->data + payload->count);
    payload->count += count * sizeof *items;
}

static struct status ties_flush(struct tie_segment_writer *writer, struct err *err) {
    struct tie_columns *ties = &writer->ties;
    size_t count = ties->count;
    if (count == 0) {
        return status_ok();
    }
    struct bytes *payload = &writer->payload;
    payload->count = 0;
    TRY(bytes_reserve(payload, count * TIE_BYTES, err));
    for (size_t i = 0; i < count; i++) {
        writer->wide[i] =
            zigzag_difference(i == 0 ? 0 : ties->created_at_ms[i - 1], ties->created_at_ms[i]);
    }
    column_put_u64(payload, writer->wide, count);
    column_put_u32(payload, ties->from, count);
    column_put_u32(payload, ties->to, count);
    column_put_u32(payload, ties->mutual, count);
    column_put_u32(payload, ties->degree_from, count);
    column_put_u32(payload, ties->degree_to, count);
    TRY(bytes_append(payload, ties->origin, count, err));
    assert(payload->count == count * TIE_BYTES);
    struct frame frame = {
        .kind = FRAME_TIES,
        .items = (uint32_t)count,
        .first = (int64_t)writer->next_tie,
        .last = (int64_t)(writer->next_tie + count - 1),
        .payload_bytes = payload->count,
    };
    writer->next_tie += count;
    ties->count = 0;
    return frame_writer_put(&writer->frames, &frame, payload->data, err);
}

static struct status endings_flush(struct tie_segment_writer *writer, struct err *err) {
    const struct tie_ending *endings = writer->endings;
    size_t count = writer->ending_count;
    if (count == 0) {
        return status_ok();
    }
    struct bytes *payload = &writer->payload;
    payload->count = 0;
    TRY(bytes_reserve(payload, count * ENDING_BYTES, err));
    for (size_t i = 0; i < count; i++) {
        writer->wide[i] =
            zigzag_difference(i == 0 ? 0 : endings[i - 1].ended_at_ms, endings[i].ended_at_ms);
    }
    column_put_u64(payload, writer->wide, count);
    for (size_t i = 0; i < count; i++) {
        writer->wide[i] = zigzag_difference(i == 0 ? 0 : (int64_t)endings[i - 1].ties_before,
                                            (int64_t)endings[i].ties_before);
    }
    column_put_u64(payload, writer->wide, count);
    for (size_t i = 0; i < count; i++) {
        writer->narrow[i] = endings[i].from;
    }
    column_put_u32(payload, writer->narrow, count);
    for (size_t i = 0; i < count; i++) {
        writer->narrow[i] = endings[i].to;
    }
    column_put_u32(payload, writer->narrow, count);
    assert(payload->count == count * ENDING_BYTES);
    struct frame frame = {
        .kind = FRAME_ENDINGS,
        .items = (uint32_t)count,
        .first = endings[0].ended_at_ms,
        .last = endings[count - 1].ended_at_ms,
        .payload_bytes = payload->count,
    };
    writer->ending_count = 0;
    return frame_writer_put(&writer->frames, &frame, payload->data, err);
}

struct status tie_segment_put_tie(struct tie_segment_writer *writer, const struct stored_tie *tie,
                                  struct err *err) {
    struct tie_columns *ties = &writer->ties;
    size_t at = ties->count++;
    ties->created_at_ms[at] = tie->created_at_ms;
    ties->from[at] = tie->from;
    ties->to[at] = tie->to;
    ties->mutual[at] = tie->mutual;
    ties->degree_from[at] = tie->degree_from;
    ties->degree_to[at] = tie->degree_to;
    ties->origin[at] = tie->origin;
    return ties->count == TIE_SEGMENT_FRAME_ITEMS ? ties_flush(writer, err) : status_ok();
}

struct status tie_segment_put_ending(struct tie_segment_writer *writer,
                                     const struct tie_ending *ending, struct err *err) {
    writer->endings[writer->ending_count++] = *ending;
    return writer->ending_count == TIE_SEGMENT_FRAME_ITEMS ? endings_flush(writer, err)
                                                           : status_ok();
}

struct status tie_segment_end(struct tie_segment_writer *writer, struct err *err) {
    TRY(ties_flush(writer, err));
    TRY(endings_flush(writer, err));
    return frame_writer_end(&writer->frames, err);
}

struct status tie_segment_reader_new(struct tie_segment_reader **reader, struct input *input,
                                     struct err *err) {
    struct tie_segment_reader *made = calloc(1, sizeof *made);
    if (made == NULL) {
        input_close(input);
        return err_memory(err, sizeof *made, "the tie store");
    }
    made->input = input;
    frame_reader_init(&made->frames, input);
    *reader = made;
    return status_ok();
}

void tie_segment_reader_free(struct tie_segment_reader *reader) {
    if (reader != NULL) {
        frame_reader_release(&reader->frames);
        bytes_release(&reader->payload);
        input_close(reader->input);
        free(reader);
    }
}

/* The i-th of a column of zigzag differences that lies in reader->wide. */
static int64_t wide_next(const struct tie_segment_reader *reader, size_t i, int64_t previous) {
    return zigzag_apply(i == 0 ? 0 : previous, reader->wide[i]);
}

static bool nodes_are_below(const uint32_t *nodes, size_t count, size_t node_count) {
    for (size_t i = 0; i < count; i++) {
        if (nodes[i] >= node_count) {
            return false;
        }
    }
    return true;
}

/* A mutual connection is a neighbour of both. */
static bool mutuals_fit(const struct tie_columns *ties) {
    for (size_t i = 0; i < ties->count; i++) {
        if (ties->mutual[i] > ties->degree_from[i] || ties->mutual[i] > ties->degree_to[i]) {
            return false;
        }
    }
    return true;
}

static bool ties_decode(struct tie_segment_reader *reader, size_t count, size_t node_count) {
    struct tie_columns *ties = &reader->ties;
    const uint8_t *at = reader->payload.data;
    columns_join_u64(at, count, reader->wide);
    for (size_t i = 0; i < count; i++) {
        ties->created_at_ms[i] = wide_next(reader, i, i == 0 ? 0 : ties->created_at_ms[i - 1]);
        if (!event_time_is_valid(ties->created_at_ms[i])) {
            return false;
        }
    }
    at += count * sizeof(uint64_t);
    uint32_t *const columns[] = {ties->from, ties->to, ties->mutual, ties->degree_from,
                                 ties->degree_to};
    for (size_t column = 0; column < 5; column++) {
        columns_join_u32(at, count, columns[column]);
        at += count * sizeof(uint32_t);
    }
    for (size_t i = 0; i < count; i++) {
        ties->origin[i] = at[i];
        if (at[i] >= EVENT_ORIGINS) {
            return false;
        }
    }
    ties->count = count;
    return nodes_are_below(ties->from, count, node_count) &&
           nodes_are_below(ties->to, count, node_count) && mutuals_fit(ties);
}

static bool endings_decode(struct tie_segment_reader *reader, size_t count, size_t node_count) {
    struct tie_ending *endings = reader->endings;
    const uint8_t *at = reader->payload.data;
    columns_join_u64(at, count, reader->wide);
    for (size_t i = 0; i < count; i++) {
        endings[i].ended_at_ms = wide_next(reader, i, i == 0 ? 0 : endings[i - 1].ended_at_ms);
        if (!event_time_is_valid(endings[i].ended_at_ms)) {
            return false;
        }
    }
    columns_join_u64(at + 8 * count, count, reader->wide);
    for (size_t i = 0; i < count; i++) {
        endings[i].ties_before =
            (uint64_t)wide_next(reader, i, i == 0 ? 0 : (int64_t)endings[i - 1].ties_before);
    }
    columns_join_u32(at + 16 * count, count, reader->narrow);
    bool is_valid = nodes_are_below(reader->narrow, count, node_count);
    for (size_t i = 0; i < count; i++) {
        endings[i].from = reader->narrow[i];
    }
    columns_join_u32(at + 20 * count, count, reader->narrow);
    for (size_t i = 0; i < count; i++) {
        endings[i].to = reader->narrow[i];
    }
    return is_valid && nodes_are_below(reader->narrow, count, node_count);
}

/* Whether the frame's ties are numbered from where the frame of ties before it ended. */
static bool numbers_follow(struct tie_segment_reader *reader, const struct frame *frame) {
    uint64_t first = (uint64_t)frame->first;
    bool follow = !reader->has_ties || first == reader->next_tie;
    reader->has_ties = true;
    reader->next_tie = first + frame->items;
    return follow;
}

struct status tie_segment_next(struct tie_segment_reader *reader, size_t node_count,
                               const struct tie_columns **ties, uint64_t *first_tie,
                               const struct tie_ending **endings, size_t *ending_count,
                               struct err *err) {
    *ties = NULL;
    *endings = NULL;
    *ending_count = 0;
    struct frame frame;
    bool more;
    TRY(frame_reader_next(&reader->frames, &frame, &reader->payload, NULL, NULL, &more, err));
    if (!more) {
        return status_ok();
    }
    size_t count = frame.items;
    bool is_ties = frame.kind == FRAME_TIES;
    size_t item_bytes = is_ties ? TIE_BYTES : ENDING_BYTES;
    bool is_valid = (is_ties || frame.kind == FRAME_ENDINGS) && count != 0 &&
                    count <= TIE_SEGMENT_FRAME_ITEMS && reader->payload.count == count * item_bytes;
    is_valid = is_valid &&
               (is_ties ? numbers_follow(reader, &frame) && ties_decode(reader, count, node_count)
                        : endings_decode(reader, count, node_count));
    if (!is_valid) {
        return err_set(
            err, FAILURE_DATA,
            "%s: a frame of kind %d with %zu items in %zu bytes is not a sound part of a "
            "tie segment: the file is damaged",
            input_name(reader->input), (int)frame.kind, count, reader->payload.count);
    }
    if (is_ties) {
        *ties = &reader->ties;
        *first_tie = (uint64_t)frame.first;
    } else {
        *endings = reader->endings;
        *ending_count = count;
    }
    return status_ok();
}
