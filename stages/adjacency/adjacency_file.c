/* Frames are made, and unpacked, on any thread and written, or visited, in order by the caller.
 * That keeps the bytes the same for any number of threads.
 *
 * Frames reach over the edges of slices: the rows of a frame that is not full yet are kept until
 * the next slice comes.
 */
#include "stages/adjacency/adjacency_file.h"

#include "schemas/limits.h"
#include "stages/adjacency/neighbour_set.h"
#include "stages/adjacency/row_sort.h"
#include "stages/base/conveyor.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"
#include "stages/base/random.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A frame ends with the member that brings it to this many neighbours or nodes. The widest member
 * of a graph of LIMIT_NODES could not fit a frame; one of 2^25 neighbours does. */
enum { FRAME_ENTRIES = 1 << 18, FRAME_NODES = 1 << 16 };

/* ---- writing ---- */

/* One frame in the making. */
struct piece {
    uint32_t first_node;
    uint32_t end_node;
    struct bytes sorted; /* one row, ascending, and room for sorting it */
    struct bytes payload;
    struct compressor compressor;
    struct bytes framed;
    struct status status;
    struct err err;
};

struct adjacency_writer {
    struct frame_writer frames;
    struct arrival_rows rest;        /* of the frame that is not full; ends where `rows` begin */
    const struct arrival_rows *rows; /* the slice in hand */
    struct conveyor *conveyor;
    size_t piece_count;
    struct piece *pieces; /* the slots of the conveyor */
};

static void piece_run(void *context, size_t slot);

struct status adjacency_writer_new(struct adjacency_writer **writer, struct output *output,
                                   unsigned threads, struct err *err) {
    struct status status;
    struct adjacency_writer *made = calloc(1, sizeof *made);
    size_t pieces = conveyor_slots(threads);
    if (made == NULL || (made->pieces = calloc(pieces, sizeof *made->pieces)) == NULL) {
        free(made);
        return err_memory(err, sizeof *made + pieces * sizeof *made->pieces, "the adjacency");
    }
    frame_writer_init(&made->frames, output);
    made->piece_count = pieces;
    for (size_t i = 0; i < pieces; i++) {
        made->pieces[i].compressor.level = COMPRESSION_LEVEL;
    }
    TRY_OR(broken, status, arrival_rows_begin(&made->rest, 0, 0, err));
    TRY_OR(broken, status, conveyor_new(&made->conveyor, threads, pieces, piece_run, made, err));
    *writer = made;
    return status;
broken:
    adjacency_writer_free(made);
    return status;
}

void adjacency_writer_free(struct adjacency_writer *writer) {
    if (writer == NULL) {
        return;
    }
    conveyor_free(writer->conveyor);
    for (size_t i = 0; i < writer->piece_count; i++) {
        bytes_release(&writer->pieces[i].sorted);
        bytes_release(&writer->pieces[i].payload);
        bytes_release(&writer->pieces[i].framed);
        compressor_release(&writer->pieces[i].compressor);
    }
    free(writer->pieces);
    arrival_rows_release(&writer->rest);
    frame_writer_release(&writer->frames);
    free(writer);
}

static const uint32_t *row_find(const struct adjacency_writer *writer, uint32_t node,
                                uint32_t *count) {
    bool is_rest = node < writer->rest.end;
    return arrival_rows_of(is_rest ? &writer->rest : writer->rows, node, count);
}

/* Appends one node's bitmap to the payload and writes its length at `length_at`. */
static struct status row_encode(const struct adjacency_writer *writer, uint32_t node,
                                struct piece *piece, size_t length_at, struct err *err) {
    uint32_t count;
    const uint32_t *row = row_find(writer, node, &count);
    piece->sorted.count = 0;
    TRY(bytes_reserve(&piece->sorted, 2 * (size_t)count * sizeof *row + 1, err)); /* never NULL */
    uint32_t *room = (uint32_t *)(void *)piece->sorted.data;
    const uint32_t *sorted = row_sort(row, count, room, room + count);
    size_t start = piece->payload.count;
    TRY(neighbour_set_encode_u32(sorted, count, &piece->payload, err));
    if (piece->payload.count > LIMIT_FRAME_BYTES) {
        return err_set(err, FAILURE_DATA, "a member has %" PRIu32 " ties: too many for one frame",
                       count);
    }
    put_u32(piece->payload.data + length_at, (uint32_t)(piece->payload.count - start));
    return status_ok();
}

static struct frame piece_frame(const struct piece *piece) {
    return (struct frame){
        .kind = FRAME_ADJACENCY,
        .items = piece->end_node - piece->first_node,
        .first = (int64_t)piece->first_node,
        .last = (int64_t)piece->end_node - 1,
        .payload_bytes = piece->payload.count,
    };
}

static struct status piece_encode(const struct adjacency_writer *writer, struct piece *piece,
                                  struct err *err) {
    uint32_t nodes = piece->end_node - piece->first_node;
    piece->payload.count = 0;
    piece->framed.count = 0;
    TRY(bytes_reserve(&piece->payload, nodes * sizeof(uint32_t), err));
    piece->payload.count = nodes * sizeof(uint32_t);
    for (uint32_t i = 0; i < nodes; i++) {
        TRY(row_encode(writer, piece->first_node + i, piece, i * sizeof(uint32_t), err));
    }
    struct frame frame = piece_frame(piece);
    return frame_encode_with(&piece->compressor, &frame, piece->payload.data, &piece->framed, err);
}

static void piece_run(void *context, size_t slot) {
    const struct adjacency_writer *writer = context;
    struct piece *piece = &writer->pieces[slot];
    piece->status = piece_encode(writer, piece, &piece->err);
}

/* Writes the oldest frame in the making. */
static struct status piece_write(struct adjacency_writer *writer, struct err *err) {
    const struct piece *piece = &writer->pieces[conveyor_take(writer->conveyor)];
    if (failed(piece->status)) {
        return err_set(err, piece->status.failure, "%s", piece->err.text);
    }
    struct frame frame = piece_frame(piece);
    return frame_writer_put_encoded(&writer->frames, &frame, &piece->framed, err);
}

/* Has a frame made of the nodes [first, end). */
static struct status piece_start(struct adjacency_writer *writer, uint32_t first, uint32_t end,
                                 struct err *err) {
    if (conveyor_is_full(writer->conveyor)) {
        TRY(piece_write(writer, err));
    }
    struct piece *piece = &writer->pieces[conveyor_next(writer->conveyor)];
    piece->first_node = first;
    piece->end_node = end;
    conveyor_put(writer->conveyor);
    return status_ok();
}

/* Cuts a frame off the nodes [first, end); false where they do not fill it. */
static bool frame_cut(const struct adjacency_writer *writer, uint32_t first, uint32_t end,
                      uint32_t *frame_end) {
    uint32_t at = first;
    uint64_t entries = 0;
    while (at < end && at - first < FRAME_NODES && entries < FRAME_ENTRIES) {
        uint32_t count;
        (void)row_find(writer, at, &count);
        entries += count;
        at++;
    }
    *frame_end = at;
    return at - first == FRAME_NODES || entries >= FRAME_ENTRIES;
}

/* Writes the full frames of the slice in hand; *first gets the first node behind them. */
static struct status frames_write(struct adjacency_writer *writer, uint32_t *first,
                                  struct err *err) {
    uint32_t end;
    while (frame_cut(writer, *first, writer->rows->end, &end)) {
        TRY(piece_start(writer, *first, end, err));
        *first = end;
    }
    while (conveyor_count(writer->conveyor) != 0) {
        TRY(piece_write(writer, err));
    }
    return status_ok();
}

/* Keeps the rows from `first` on until the next slice. */
static struct status rest_keep(struct adjacency_writer *writer, uint32_t first, struct err *err) {
    struct arrival_rows *rest = &writer->rest;
    const struct arrival_rows *rows = writer->rows;
    if (first >= rows->first) { /* else nothing of it has been written */
        TRY(arrival_rows_begin(rest, first, first, err));
    }
    uint32_t from = rest->end;
    size_t kept = from - rest->first;
    const uint64_t *starts = (const uint64_t *)rows->offsets.data + (from - rows->first);
    size_t added = rows->end - from;
    size_t room = (kept + added + 1) * sizeof(uint64_t);
    TRY(pages_grow(&rest->offsets, room, "rows of a frame", err));
    uint64_t *ends = (uint64_t *)rest->offsets.data + kept;
    size_t entries = (size_t)(starts[added] - starts[0]);
    TRY(pages_grow(&rest->entries, (size_t)(ends[0] + entries + 1) * sizeof(uint32_t),
                   "rows of a frame", err));
    if (entries != 0) {
        memcpy((uint32_t *)rest->entries.data + ends[0],
               (const uint32_t *)rows->entries.data + starts[0], entries * sizeof(uint32_t));
    }
    for (size_t i = 1; i <= added; i++) {
        ends[i] = ends[0] + (starts[i] - starts[0]);
    }
    rest->end = rows->end;
    return status_ok();
}

struct status adjacency_writer_put(struct adjacency_writer *writer, const struct arrival_rows *rows,
                                   struct err *err) {
    assert(rows->first == writer->rest.end && rows->flags == 0);
    writer->rows = rows;
    uint32_t first = writer->rest.first;
    struct status status = frames_write(writer, &first, err);
    while (conveyor_count(writer->conveyor) != 0) { /* after a failure: the rows are borrowed */
        (void)conveyor_take(writer->conveyor);
    }
    return failed(status) ? status : rest_keep(writer, first, err);
}

struct status adjacency_writer_end(struct adjacency_writer *writer, struct err *err) {
    writer->rows = &writer->rest;
    if (writer->rest.first != writer->rest.end) {
        TRY(piece_start(writer, writer->rest.first, writer->rest.end, err));
        TRY(piece_write(writer, err));
    }
    return frame_writer_end(&writer->frames, err);
}

/* ---- reading ---- */

/* One frame on its way. */
struct chunk {
    struct stored_frame stored;
    struct bytes payload;
    struct bytes values; /* neighbours of the nodes of the scope, one node after the other */
    struct bytes counts; /* uint32_t per node of the scope */
    uint64_t mirror;     /* see struct load */
    struct status status;
    struct err err;
};

struct load {
    size_t node_count;
    const struct node_scope *scope;
    bool is_whole; /* the scope is all nodes */
    struct frame_reader reader;
    bool is_read; /* to the end */
    size_t next_node;
    uint64_t entries;
    uint64_t mirror; /* sum over ties of a hash, added by one side and taken away by the other */
    struct conveyor *conveyor;
    size_t chunk_count;
    struct chunk *chunks; /* the slots of the conveyor */
};

/* Whether any of the nodes [first, end) is in the scope. */
static bool scope_has_any(const struct node_scope *scope, uint32_t first, uint32_t end) {
    first = first > scope->first ? first : scope->first;
    end = end < scope->end ? end : scope->end;
    while (first < end && !node_scope_has(scope, first)) {
        bool is_word = (first & 63) == 0 && scope->wanted[first >> 6] == 0;
        first += is_word ? 64 : 1;
    }
    return first < end;
}

/* Tells a tie by both of its sides: the lower node's mention and the higher one's must cancel. */
static uint64_t tie_hash(uint32_t low, uint32_t high) {
    return random_mix((uint64_t)low << 32 | high);
}

/* What a node adds to the mirror. */
static uint64_t node_mirror(uint32_t node, const uint32_t *neighbours, size_t count) {
    uint64_t mirror = 0;
    size_t i = 0;
    for (; i < count && neighbours[i] < node; i++) {
        mirror -= tie_hash(neighbours[i], node);
    }
    for (; i < count; i++) {
        mirror += tie_hash(node, neighbours[i]);
    }
    return mirror;
}

/* Decodes a node's bitmap behind the values that are there. */
static struct status node_decode(const struct load *load, struct chunk *chunk, uint32_t node,
                                 const uint8_t *bitmap, size_t bytes, struct err *err) {
    size_t start = chunk->values.count;
    if (start >= FRAME_ENTRIES * sizeof(uint32_t)) {
        return err_set(err, FAILURE_DATA,
                       "node %" PRIu32 " stands in a frame that was full before it: damaged", node);
    }
    TRY(neighbour_set_decode_u32(bitmap, bytes, (uint32_t)load->node_count, &chunk->values, err));
    const uint32_t *neighbours = (const uint32_t *)(const void *)(chunk->values.data + start);
    uint32_t count = (uint32_t)((chunk->values.count - start) / sizeof *neighbours);
    bool is_own = false;
    for (uint32_t i = 0; i < count; i++) {
        is_own |= neighbours[i] == node;
    }
    if (is_own) {
        return err_set(err, FAILURE_DATA, "node %" PRIu32 " is its own neighbour: damaged", node);
    }
    if (load->is_whole) {
        chunk->mirror += node_mirror(node, neighbours, count);
    }
    return bytes_append(&chunk->counts, &count, sizeof count, err);
}

/* Decodes the nodes of the scope from the unpacked frame. */
static struct status payload_decode(const struct load *load, struct chunk *chunk, struct err *err) {
    const struct frame *frame = &chunk->stored.frame;
    struct cursor lengths = cursor_over(chunk->payload.data, chunk->payload.count);
    struct cursor bitmaps = lengths;
    (void)cursor_take(&bitmaps, (size_t)frame->items * sizeof(uint32_t));
    for (uint32_t i = 0; i < frame->items; i++) {
        uint32_t node = (uint32_t)frame->first + i;
        uint32_t bytes = cursor_u32(&lengths);
        const uint8_t *bitmap = cursor_take(&bitmaps, bytes);
        if (bitmaps.broken) {
            return err_set(err, FAILURE_DATA, "node %" PRIu32 " reaches behind its frame: damaged",
                           node);
        }
        if (node_scope_has(load->scope, node)) {
            TRY(node_decode(load, chunk, node, bitmap, bytes, err));
        }
    }
    if (cursor_left(&bitmaps) != 0) {
        return err_set(err, FAILURE_DATA, "%zu bytes behind a frame's last bitmap: damaged",
                       cursor_left(&bitmaps));
    }
    return status_ok();
}

/* Says in which frame it went wrong. */
static struct status chunk_told(const struct load *load, const struct chunk *chunk,
                                struct status status, struct err *err) {
    if (failed(status)) {
        err_prefix(err, "%s (frame at byte %" PRIu64 ")", input_name(load->reader.input),
                   chunk->stored.offset);
    }
    return status;
}

static struct status chunk_decode(const struct load *load, struct chunk *chunk, struct err *err) {
    uint32_t first = (uint32_t)chunk->stored.frame.first;
    chunk->values.count = 0;
    chunk->counts.count = 0;
    chunk->mirror = 0;
    if (!scope_has_any(load->scope, first, first + chunk->stored.frame.items)) {
        return stored_frame_check(&load->reader, &chunk->stored, err);
    }
    TRY(stored_frame_unpack(&load->reader, &chunk->stored, &chunk->payload, err));
    TRY(bytes_reserve(&chunk->values, 1, err)); /* never NULL */
    return chunk_told(load, chunk, payload_decode(load, chunk, err), err);
}

static void chunk_run(void *context, size_t slot) {
    const struct load *load = context;
    struct chunk *chunk = &load->chunks[slot];
    chunk->status = chunk_decode(load, chunk, &chunk->err);
}

static struct status chunk_is_next(const struct load *load, const struct chunk *chunk,
                                   struct err *err) {
    const struct frame *frame = &chunk->stored.frame;
    if (frame->kind == FRAME_ADJACENCY && frame->first == (int64_t)load->next_node &&
        frame->items <= load->node_count - load->next_node) {
        return status_ok();
    }
    TRY(stored_frame_check(&load->reader, &chunk->stored, err));
    return chunk_told(load, chunk,
                      err_set(err, FAILURE_DATA,
                              "not the adjacency's next frame (kind %d, %u nodes from %" PRId64
                              ", expected %zu of %zu): damaged, or of another generation",
                              (int)frame->kind, frame->items, frame->first, load->next_node,
                              load->node_count),
                      err);
}

/* Reads frames, as they are stored, until the conveyor is full. */
static struct status chunks_read(struct load *load, struct err *err) {
    while (!load->is_read && !conveyor_is_full(load->conveyor)) {
        struct chunk *chunk = &load->chunks[conveyor_next(load->conveyor)];
        bool more;
        TRY(frame_reader_take(&load->reader, &chunk->stored, &more, err));
        load->is_read = !more;
        if (more) {
            TRY(chunk_is_next(load, chunk, err));
            load->next_node += chunk->stored.frame.items;
            conveyor_put(load->conveyor);
        }
    }
    return status_ok();
}

static struct status chunk_visit(const struct load *load, const struct chunk *chunk,
                                 struct status (*visit)(void *context, struct node_id node,
                                                        const uint32_t *neighbours, size_t count,
                                                        struct err *err),
                                 void *context, struct err *err) {
    const uint32_t *counts = (const uint32_t *)(const void *)chunk->counts.data;
    const uint32_t *neighbours = (const uint32_t *)(const void *)chunk->values.data;
    size_t visits = chunk->counts.count / sizeof *counts;
    uint32_t node = (uint32_t)chunk->stored.frame.first;
    for (size_t i = 0; i < visits; node++) {
        if (node_scope_has(load->scope, node)) {
            TRY(visit(context, (struct node_id){node}, neighbours, counts[i], err));
            neighbours += counts[i];
            i++;
        }
    }
    return status_ok();
}

static struct status chunks_visit(struct load *load,
                                  struct status (*visit)(void *context, struct node_id node,
                                                         const uint32_t *neighbours, size_t count,
                                                         struct err *err),
                                  void *context, struct err *err) {
    TRY(chunks_read(load, err));
    while (conveyor_count(load->conveyor) != 0) {
        const struct chunk *chunk = &load->chunks[conveyor_take(load->conveyor)];
        if (failed(chunk->status)) {
            return err_set(err, chunk->status.failure, "%s", chunk->err.text);
        }
        TRY(chunk_visit(load, chunk, visit, context, err));
        load->entries += chunk->values.count / sizeof(uint32_t);
        load->mirror += chunk->mirror;
        TRY(chunks_read(load, err));
    }
    if (load->next_node != load->node_count ||
        (load->is_whole && (load->mirror != 0 || load->entries % 2 != 0))) {
        return err_set(err, FAILURE_DATA,
                       "%s: %zu of %zu nodes, or the two sides of its ties do not agree: damaged, "
                       "or of another generation",
                       input_name(load->reader.input), load->next_node, load->node_count);
    }
    return status_ok();
}

static void load_release(struct load *load) {
    conveyor_free(load->conveyor);
    for (size_t i = 0; load->chunks != NULL && i < load->chunk_count; i++) {
        stored_frame_release(&load->chunks[i].stored);
        bytes_release(&load->chunks[i].payload);
        bytes_release(&load->chunks[i].values);
        bytes_release(&load->chunks[i].counts);
    }
    free(load->chunks);
    frame_reader_release(&load->reader);
}

struct status adjacency_load_nodes(struct input *input, size_t node_count,
                                   const struct node_scope *scope, unsigned threads,
                                   struct status (*visit)(void *context, struct node_id node,
                                                          const uint32_t *neighbours, size_t count,
                                                          struct err *err),
                                   void *context, struct err *err) {
    struct load load = {
        .node_count = node_count,
        .scope = scope,
        .is_whole = scope->wanted == NULL && scope->first == 0 && scope->end >= node_count,
        .chunk_count = conveyor_slots(threads),
    };
    frame_reader_init(&load.reader, input);
    load.chunks = calloc(load.chunk_count, sizeof *load.chunks);
    if (load.chunks == NULL) {
        return err_memory(err, load.chunk_count * sizeof *load.chunks, "reading the adjacency");
    }
    struct status status =
        conveyor_new(&load.conveyor, threads, load.chunk_count, chunk_run, &load, err);
    if (!failed(status)) {
        status = chunks_visit(&load, visit, context, err);
    }
    load_release(&load);
    return status;
}

struct status adjacency_visit(struct input *input, size_t node_count,
                              struct status (*visit)(void *context, struct node_id node,
                                                     const uint32_t *neighbours, size_t count,
                                                     struct err *err),
                              void *context, struct err *err) {
    struct node_scope all = {.end = (uint32_t)node_count};
    return adjacency_load_nodes(input, node_count, &all, 1, visit, context, err);
}
