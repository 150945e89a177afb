/* Blocks of ties go through a conveyor: the caller's thread copies ties in and appends rows that
 * come off, looking up is done on any. One thread beside the caller's is enough: it waits for
 * memory less than a replay does.
 *
 * Rejected: looking up where rows are encoded (each format would have to know what rows are made
 * of); threads that append, too (rows have an order).
 */
#include "pipeline/ties_writer.h"

#include "pipeline/publish.h"
#include "schemas/tie.h"
#include "stages/base/conveyor.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_TIES = 16384, THREADS_MAX = 2 };

struct ties_block {
    size_t count;
    /* As they were put: */
    int64_t created_at_ms[BLOCK_TIES];
    uint64_t number[BLOCK_TIES];
    uint32_t from[BLOCK_TIES];
    uint32_t to[BLOCK_TIES];
    uint32_t mutual[BLOCK_TIES];
    uint32_t degree_from[BLOCK_TIES];
    uint32_t degree_to[BLOCK_TIES];
    /* Looked up: */
    uint64_t member_from[BLOCK_TIES];
    uint64_t member_to[BLOCK_TIES];
    int64_t ended_at_ms[BLOCK_TIES];
    uint64_t in_union[BLOCK_TIES];
    double strength[BLOCK_TIES];
};

struct ties_writer {
    struct tee *tee;
    struct ties_writer_options options;
    struct conveyor *conveyor;
    struct ties_block blocks[];
};

/* The loops that reach into large tables are apart from each other and from arithmetic: the
 * processor then waits for many ties at once. */
static void block_work(void *context, size_t slot) {
    struct ties_writer *writer = context;
    const struct ties_writer_options *options = &writer->options;
    struct ties_block *block = &writer->blocks[slot];
    for (size_t i = 0; i < block->count; i++) {
        block->member_from[i] =
            dictionary_member(options->dictionary, (struct node_id){block->from[i]}).v;
        block->member_to[i] =
            dictionary_member(options->dictionary, (struct node_id){block->to[i]}).v;
    }
    for (size_t i = 0; i < block->count; i++) {
        const struct tie tie = {
            .mutual = block->mutual[i],
            .degree_from = block->degree_from[i],
            .degree_to = block->degree_to[i],
        };
        block->in_union[i] = tie_union(&tie);
        block->strength[i] = tie_strength(&tie);
    }
    ending_index_find_all(options->endings, block->from, block->to, block->number, block->count,
                          block->ended_at_ms);
    for (size_t i = 0; i < block->count; i++) {
        int64_t ended_at_ms = block->ended_at_ms[i];
        block->ended_at_ms[i] = ended_at_ms <= options->until_ms ? ended_at_ms : TIE_OPEN_MS;
    }
}

struct status ties_writer_new(struct ties_writer **writer, struct tee *tee,
                              const struct ties_writer_options *options, struct err *err) {
    unsigned threads = options->threads == 0 ? 1 : options->threads;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    size_t slots = conveyor_slots(threads);
    size_t bytes = sizeof **writer + slots * sizeof(struct ties_block);
    struct ties_writer *made = malloc(bytes);
    *writer = NULL;
    if (made == NULL) {
        return err_memory(err, bytes, "writing ties");
    }
    /* Columns are left as they are: a date may have few ties. */
    *made = (struct ties_writer){.tee = tee, .options = *options};
    for (size_t i = 0; i < slots; i++) {
        made->blocks[i].count = 0;
    }
    struct status status = conveyor_new(&made->conveyor, threads, slots, block_work, made, err);
    if (failed(status)) {
        ties_writer_free(made);
        return status;
    }
    *writer = made;
    return status;
}

void ties_writer_free(struct ties_writer *writer) {
    if (writer != NULL) {
        conveyor_free(writer->conveyor);
        free(writer);
    }
}

/* Appends the oldest block on its way; it is empty then. */
static struct status block_finish(struct ties_writer *writer, struct err *err) {
    struct ties_block *block = &writer->blocks[conveyor_take(writer->conveyor)];
    const union column_values columns[] = {
        {.u64 = block->member_from},
        {.u64 = block->member_to},
        {.time_ms = block->created_at_ms},
        {.time_ms = block->ended_at_ms},
        {.u32 = block->mutual},
        {.u32 = block->degree_from},
        {.u32 = block->degree_to},
        {.u64 = block->in_union},
        {.f64 = block->strength},
    };
    size_t count = block->count;
    block->count = 0;
    return tee_append(writer->tee, columns, count, err);
}

static void ties_copy(struct ties_block *block, const struct tie_slice *ties, size_t first,
                      size_t count, uint64_t first_number) {
    size_t at = block->count;
    size_t bytes = count * sizeof(uint32_t);
    memcpy(block->created_at_ms + at, ties->created_at_ms + first, count * sizeof(int64_t));
    memcpy(block->from + at, ties->from + first, bytes);
    memcpy(block->to + at, ties->to + first, bytes);
    memcpy(block->mutual + at, ties->mutual + first, bytes);
    memcpy(block->degree_from + at, ties->degree_from + first, bytes);
    memcpy(block->degree_to + at, ties->degree_to + first, bytes);
    for (size_t i = 0; i < count; i++) {
        block->number[at + i] = first_number + first + i;
    }
    block->count += count;
}

struct status ties_writer_put(struct ties_writer *writer, const struct tie_slice *ties,
                              uint64_t first_number, struct err *err) {
    size_t done = 0;
    while (done < ties->count) {
        struct ties_block *block = &writer->blocks[conveyor_next(writer->conveyor)];
        size_t room = BLOCK_TIES - block->count;
        size_t count = ties->count - done < room ? ties->count - done : room;
        ties_copy(block, ties, done, count, first_number);
        done += count;
        if (count == room) {
            conveyor_put(writer->conveyor);
            if (conveyor_is_full(writer->conveyor)) {
                TRY(block_finish(writer, err));
            }
        }
    }
    return status_ok();
}

struct status ties_writer_finish(struct ties_writer *writer, struct err *err) {
    if (writer->blocks[conveyor_next(writer->conveyor)].count != 0) {
        conveyor_put(writer->conveyor);
    }
    while (conveyor_count(writer->conveyor) != 0) {
        TRY(block_finish(writer, err));
    }
    return status_ok();
}
