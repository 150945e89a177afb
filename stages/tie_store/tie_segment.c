/* Frames go through a conveyor: the caller's thread fills columns and writes what comes off in
 * order, or reads frames and hands out what comes off in order; planes and zstd run on any thread.
 *
 * Rejected: a zstd block for each plane, which saves 2 % of the file and costs a seventh more time;
 * level 3, which saves 0.3 %.
 */
#include "stages/tie_store/tie_segment.h"

#include "schemas/limits.h"
#include "stages/base/columns.h"
#include "stages/base/compression.h"
#include "stages/base/conveyor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TIE_BYTES = 29, ENDING_BYTES = 24 };

/* Endings of a frame on their way. */
struct ending_block {
    size_t count;
    struct tie_ending items[TIE_SEGMENT_FRAME_ITEMS];
};

/* A frame on its way into the file. Its columns are exchanged for those that the writer filled. */
struct write_slot {
    struct frame frame;
    struct tie_columns *ties;
    struct ending_block *endings;
    struct compressor compressor;
    struct bytes payload;
    struct bytes encoded;
    struct status status;
    struct err err;
    uint64_t wide[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t narrow[TIE_SEGMENT_FRAME_ITEMS];
};

struct tie_segment_writer {
    struct frame_writer frames;
    uint64_t next_tie; /* number of the first tie in `ties` */
    struct tie_columns *ties;
    struct ending_block *endings;
    struct conveyor *conveyor;
    size_t slot_count;
    struct write_slot slots[];
};

/* A frame on its way out of the file. */
struct read_slot {
    struct tie_segment_reader *reader;
    struct stored_frame stored;
    struct bytes payload;
    struct status status;
    struct err err;
    uint64_t node_end; /* all nodes are below */
    struct tie_columns ties;
    struct ending_block endings;
    uint64_t wide[TIE_SEGMENT_FRAME_ITEMS];
    uint32_t narrow[TIE_SEGMENT_FRAME_ITEMS];
};

struct tie_segment_reader {
    struct input *input;
    struct frame_reader frames;
    bool at_end;           /* of what can be read: nothing more is taken from the file */
    struct status at_stop; /* what there is to say once all that was read is handed out */
    struct err stop_err;
    bool has_ties;     /* a frame of ties has been handed out */
    uint64_t next_tie; /* the number behind its last */
    struct conveyor *conveyor;
    size_t slot_count;
    struct read_slot slots[];
};

/* What another thread had to say. */
static struct status failure_copy(struct status status, const struct err *said, struct err *err) {
    return failed(status) ? err_set(err, status.failure, "%s", said->text) : status;
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

static struct status ties_encode(struct write_slot *slot, struct err *err) {
    struct bytes *payload = &slot->payload;
    const struct tie_columns *ties = slot->ties;
    size_t count = ties->count;
    TRY(bytes_reserve(payload, count * TIE_BYTES, err));
    for (size_t i = 0; i < count; i++) {
        slot->wide[i] =
            zigzag_difference(i == 0 ? 0 : ties->created_at_ms[i - 1], ties->created_at_ms[i]);
    }
    column_put_u64(payload, slot->wide, count);
    column_put_u32(payload, ties->from, count);
    column_put_u32(payload, ties->to, count);
    column_put_u32(payload, ties->mutual, count);
    column_put_u32(payload, ties->degree_from, count);
    column_put_u32(payload, ties->degree_to, count);
    return bytes_append(payload, ties->origin, count, err);
}

static struct status endings_encode(struct write_slot *slot, struct err *err) {
    struct bytes *payload = &slot->payload;
    const struct tie_ending *endings = slot->endings->items;
    size_t count = slot->endings->count;
    TRY(bytes_reserve(payload, count * ENDING_BYTES, err));
    for (size_t i = 0; i < count; i++) {
        slot->wide[i] =
            zigzag_difference(i == 0 ? 0 : endings[i - 1].ended_at_ms, endings[i].ended_at_ms);
    }
    column_put_u64(payload, slot->wide, count);
    for (size_t i = 0; i < count; i++) {
        slot->wide[i] = zigzag_difference(i == 0 ? 0 : (int64_t)endings[i - 1].ties_before,
                                          (int64_t)endings[i].ties_before);
    }
    column_put_u64(payload, slot->wide, count);
    for (size_t i = 0; i < count; i++) {
        slot->narrow[i] = endings[i].from;
    }
    column_put_u32(payload, slot->narrow, count);
    for (size_t i = 0; i < count; i++) {
        slot->narrow[i] = endings[i].to;
    }
    column_put_u32(payload, slot->narrow, count);
    return status_ok();
}

static struct status slot_encode(struct write_slot *slot, struct err *err) {
    bool is_ties = slot->frame.kind == FRAME_TIES;
    slot->payload.count = 0;
    slot->encoded.count = 0;
    TRY(is_ties ? ties_encode(slot, err) : endings_encode(slot, err));
    slot->frame.payload_bytes = slot->payload.count;
    assert(slot->payload.count == slot->frame.items * (size_t)(is_ties ? TIE_BYTES : ENDING_BYTES));
    return frame_encode_with(&slot->compressor, &slot->frame, slot->payload.data, &slot->encoded,
                             err);
}

static void encode_work(void *context, size_t slot) {
    struct write_slot *work = &((struct tie_segment_writer *)context)->slots[slot];
    work->status = slot_encode(work, &work->err);
}

static bool blocks_make(struct tie_columns **ties, struct ending_block **endings) {
    *ties = malloc(sizeof **ties);
    *endings = malloc(sizeof **endings);
    if (*ties == NULL || *endings == NULL) {
        return false;
    }
    (*ties)->count = 0;
    (*endings)->count = 0;
    return true;
}

struct status tie_segment_writer_new(struct tie_segment_writer **writer, struct output *output,
                                     uint64_t first_tie, unsigned threads, struct err *err) {
    size_t slots = conveyor_slots(threads);
    size_t bytes = sizeof **writer + slots * sizeof(struct write_slot);
    struct tie_segment_writer *made = calloc(1, bytes);
    if (made == NULL) {
        return err_memory(err, bytes, "the tie store");
    }
    frame_writer_init(&made->frames, output);
    made->next_tie = first_tie;
    made->slot_count = slots;
    bool is_made = blocks_make(&made->ties, &made->endings);
    for (size_t i = 0; i < slots; i++) {
        made->slots[i].compressor.level = COMPRESSION_LEVEL_FAST;
        is_made &= blocks_make(&made->slots[i].ties, &made->slots[i].endings);
    }
    struct status status =
        is_made ? conveyor_new(&made->conveyor, threads, slots, encode_work, made, err)
                : err_memory(err, bytes, "the tie store");
    if (failed(status)) {
        tie_segment_writer_free(made);
        return status;
    }
    *writer = made;
    return status;
}

void tie_segment_writer_free(struct tie_segment_writer *writer) {
    if (writer == NULL) {
        return;
    }
    conveyor_free(writer->conveyor);
    for (size_t i = 0; i < writer->slot_count; i++) {
        struct write_slot *slot = &writer->slots[i];
        compressor_release(&slot->compressor);
        bytes_release(&slot->payload);
        bytes_release(&slot->encoded);
        free(slot->ties);
        free(slot->endings);
    }
    frame_writer_release(&writer->frames);
    free(writer->ties);
    free(writer->endings);
    free(writer);
}

/* Writes the oldest frame on its way. */
static struct status frame_finish(struct tie_segment_writer *writer, struct err *err) {
    struct write_slot *slot = &writer->slots[conveyor_take(writer->conveyor)];
    TRY(failure_copy(slot->status, &slot->err, err));
    return frame_writer_put_encoded(&writer->frames, &slot->frame, &slot->encoded, err);
}

/* Sends a frame on its way; the slot has its columns. */
static struct status frame_send(struct tie_segment_writer *writer, struct err *err) {
    conveyor_put(writer->conveyor);
    return conveyor_is_full(writer->conveyor) ? frame_finish(writer, err) : status_ok();
}

static struct status ties_flush(struct tie_segment_writer *writer, struct err *err) {
    struct write_slot *slot = &writer->slots[conveyor_next(writer->conveyor)];
    struct tie_columns *ties = writer->ties;
    if (ties->count == 0) {
        return status_ok();
    }
    slot->frame = (struct frame){
        .kind = FRAME_TIES,
        .items = (uint32_t)ties->count,
        .first = (int64_t)writer->next_tie,
        .last = (int64_t)(writer->next_tie + ties->count - 1),
    };
    writer->next_tie += ties->count;
    writer->ties = slot->ties;
    writer->ties->count = 0;
    slot->ties = ties;
    return frame_send(writer, err);
}

static struct status endings_flush(struct tie_segment_writer *writer, struct err *err) {
    struct write_slot *slot = &writer->slots[conveyor_next(writer->conveyor)];
    struct ending_block *endings = writer->endings;
    if (endings->count == 0) {
        return status_ok();
    }
    slot->frame = (struct frame){
        .kind = FRAME_ENDINGS,
        .items = (uint32_t)endings->count,
        .first = endings->items[0].ended_at_ms,
        .last = endings->items[endings->count - 1].ended_at_ms,
    };
    writer->endings = slot->endings;
    writer->endings->count = 0;
    slot->endings = endings;
    return frame_send(writer, err);
}

struct status tie_segment_put_tie(struct tie_segment_writer *writer, const struct stored_tie *tie,
                                  struct err *err) {
    struct tie_columns *ties = writer->ties;
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

/* Copies `count` ties from number `first` of the slice on to the end of the frame's. */
static void ties_copy(struct tie_columns *ties, const struct tie_slice *slice, size_t first,
                      size_t count) {
    size_t at = ties->count;
    size_t bytes = count * sizeof(uint32_t);
    memcpy(ties->created_at_ms + at, slice->created_at_ms + first, count * sizeof(int64_t));
    memcpy(ties->from + at, slice->from + first, bytes);
    memcpy(ties->to + at, slice->to + first, bytes);
    memcpy(ties->mutual + at, slice->mutual + first, bytes);
    memcpy(ties->degree_from + at, slice->degree_from + first, bytes);
    memcpy(ties->degree_to + at, slice->degree_to + first, bytes);
    memcpy(ties->origin + at, slice->origin + first, count);
    ties->count += count;
}

struct status tie_segment_put_ties(struct tie_segment_writer *writer, const struct tie_slice *ties,
                                   struct err *err) {
    size_t done = 0;
    while (done < ties->count) {
        size_t room = TIE_SEGMENT_FRAME_ITEMS - writer->ties->count;
        size_t count = ties->count - done < room ? ties->count - done : room;
        ties_copy(writer->ties, ties, done, count);
        done += count;
        if (count == room) {
            TRY(ties_flush(writer, err));
        }
    }
    return status_ok();
}

struct status tie_segment_put_ending(struct tie_segment_writer *writer,
                                     const struct tie_ending *ending, struct err *err) {
    struct ending_block *endings = writer->endings;
    endings->items[endings->count++] = *ending;
    return endings->count == TIE_SEGMENT_FRAME_ITEMS ? endings_flush(writer, err) : status_ok();
}

struct status tie_segment_end(struct tie_segment_writer *writer, struct err *err) {
    TRY(ties_flush(writer, err));
    TRY(endings_flush(writer, err));
    while (conveyor_count(writer->conveyor) != 0) {
        TRY(frame_finish(writer, err));
    }
    return frame_writer_end(&writer->frames, err);
}

/* The i-th of a column of zigzag differences that lies in slot->wide. */
static int64_t wide_next(const struct read_slot *slot, size_t i, int64_t previous) {
    return zigzag_apply(i == 0 ? 0 : previous, slot->wide[i]);
}

/* The least number above all nodes, and not below `end`. */
static uint64_t node_end(const uint32_t *nodes, size_t count, uint64_t end) {
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = nodes[i] > most ? nodes[i] : most;
    }
    return most + UINT64_C(1) > end ? most + UINT64_C(1) : end;
}

/* A mutual connection is a neighbour of both. */
static bool mutuals_fit(const struct tie_columns *ties) {
    bool fit = true;
    for (size_t i = 0; i < ties->count; i++) {
        fit &= (ties->mutual[i] <= ties->degree_from[i]) & (ties->mutual[i] <= ties->degree_to[i]);
    }
    return fit;
}

static bool ties_decode(struct read_slot *slot, size_t count) {
    struct tie_columns *ties = &slot->ties;
    const uint8_t *at = slot->payload.data;
    int64_t at_ms = 0;
    bool fit = true;
    columns_join_u64(at, count, slot->wide);
    for (size_t i = 0; i < count; i++) {
        at_ms = zigzag_apply(at_ms, slot->wide[i]);
        ties->created_at_ms[i] = at_ms;
        fit &= event_time_is_valid(at_ms);
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
        fit &= at[i] < EVENT_ORIGINS;
    }
    ties->count = count;
    slot->node_end = node_end(ties->to, count, node_end(ties->from, count, 0));
    return fit && mutuals_fit(ties);
}

static bool endings_decode(struct read_slot *slot, size_t count) {
    struct tie_ending *endings = slot->endings.items;
    const uint8_t *at = slot->payload.data;
    columns_join_u64(at, count, slot->wide);
    for (size_t i = 0; i < count; i++) {
        endings[i].ended_at_ms = wide_next(slot, i, i == 0 ? 0 : endings[i - 1].ended_at_ms);
        if (!event_time_is_valid(endings[i].ended_at_ms)) {
            return false;
        }
    }
    columns_join_u64(at + 8 * count, count, slot->wide);
    for (size_t i = 0; i < count; i++) {
        endings[i].ties_before =
            (uint64_t)wide_next(slot, i, i == 0 ? 0 : (int64_t)endings[i - 1].ties_before);
    }
    columns_join_u32(at + 16 * count, count, slot->narrow);
    uint64_t end = node_end(slot->narrow, count, 0);
    for (size_t i = 0; i < count; i++) {
        endings[i].from = slot->narrow[i];
    }
    columns_join_u32(at + 20 * count, count, slot->narrow);
    for (size_t i = 0; i < count; i++) {
        endings[i].to = slot->narrow[i];
    }
    slot->node_end = node_end(slot->narrow, count, end);
    slot->endings.count = count;
    return true;
}

/* A frame's items; false where they are not sound. */
static bool frame_decode_items(struct read_slot *slot) {
    const struct frame *frame = &slot->stored.frame;
    bool is_ties = frame->kind == FRAME_TIES;
    size_t item_bytes = is_ties ? TIE_BYTES : ENDING_BYTES;
    size_t count = frame->items;
    if ((!is_ties && frame->kind != FRAME_ENDINGS) || count == 0 ||
        count > TIE_SEGMENT_FRAME_ITEMS || slot->payload.count != count * item_bytes) {
        return false;
    }
    return is_ties ? ties_decode(slot, count) : endings_decode(slot, count);
}

static struct status frame_is_damaged(const struct read_slot *slot, struct err *err) {
    const struct frame *frame = &slot->stored.frame;
    return err_set(err, FAILURE_DATA,
                   "%s: a frame of kind %d with %" PRIu32 " items in %zu bytes is not a sound part "
                   "of a tie segment: the file is damaged",
                   input_name(slot->reader->input), (int)frame->kind, frame->items,
                   slot->payload.count);
}

static void decode_work(void *context, size_t index) {
    struct tie_segment_reader *reader = context;
    struct read_slot *slot = &reader->slots[index];
    slot->status = stored_frame_unpack(&reader->frames, &slot->stored, &slot->payload, &slot->err);
    if (!failed(slot->status) && !frame_decode_items(slot)) {
        slot->status = frame_is_damaged(slot, &slot->err);
    }
}

struct status tie_segment_reader_new(struct tie_segment_reader **reader, struct input *input,
                                     unsigned threads, struct err *err) {
    size_t slots = conveyor_slots(threads);
    size_t bytes = sizeof **reader + slots * sizeof(struct read_slot);
    struct tie_segment_reader *made = malloc(bytes);
    if (made == NULL) {
        input_close(input);
        return err_memory(err, bytes, "the tie store");
    }
    /* Columns are left as they are: to clear some MiB costs more than to read a night's segment. */
    *made = (struct tie_segment_reader){.input = input, .slot_count = slots};
    frame_reader_init(&made->frames, input);
    for (size_t i = 0; i < slots; i++) {
        struct read_slot *slot = &made->slots[i];
        slot->reader = made;
        slot->stored = (struct stored_frame){0};
        slot->payload = (struct bytes){0};
    }
    struct status status = conveyor_new(&made->conveyor, threads, slots, decode_work, made, err);
    if (failed(status)) {
        tie_segment_reader_free(made);
        return status;
    }
    *reader = made;
    return status;
}

void tie_segment_reader_free(struct tie_segment_reader *reader) {
    if (reader == NULL) {
        return;
    }
    conveyor_free(reader->conveyor);
    for (size_t i = 0; i < reader->slot_count; i++) {
        stored_frame_release(&reader->slots[i].stored);
        bytes_release(&reader->slots[i].payload);
    }
    frame_reader_release(&reader->frames);
    input_close(reader->input);
    free(reader);
}

/* Sends as many frames on their way as there are slots. */
static void frames_read(struct tie_segment_reader *reader) {
    while (!reader->at_end && !conveyor_is_full(reader->conveyor)) {
        struct read_slot *slot = &reader->slots[conveyor_next(reader->conveyor)];
        bool more = false;
        reader->at_stop =
            frame_reader_take(&reader->frames, &slot->stored, &more, &reader->stop_err);
        reader->at_end = failed(reader->at_stop) || !more;
        if (!reader->at_end) {
            conveyor_put(reader->conveyor);
        }
    }
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
    frames_read(reader);
    if (conveyor_count(reader->conveyor) == 0) {
        return failure_copy(reader->at_stop, &reader->stop_err, err);
    }
    const struct read_slot *slot = &reader->slots[conveyor_take(reader->conveyor)];
    const struct frame *frame = &slot->stored.frame;
    TRY(failure_copy(slot->status, &slot->err, err));
    bool is_ties = frame->kind == FRAME_TIES;
    if (slot->node_end > node_count || (is_ties && !numbers_follow(reader, frame))) {
        return frame_is_damaged(slot, err);
    }
    if (is_ties) {
        *ties = &slot->ties;
        *first_tie = (uint64_t)frame->first;
    } else {
        *endings = slot->endings.items;
        *ending_count = slot->endings.count;
    }
    return status_ok();
}
