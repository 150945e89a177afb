/* Blocks of ties go through a conveyor: the caller's thread copies ties in, all else is done on
 * any. Looking up is done for several blocks at once, appending by one after the other: a block
 * waits for its turn. One thread beside the caller's is enough, since Parquet has threads of its
 * own.
 *
 * Rejected: appending what comes off on the caller's thread (the replay, which has the most to do
 * of all, would read all rows once more); looking up where rows are encoded (each format would have
 * to know what rows are made of).
 */
#include "pipeline/ties_writer.h"

#include "pipeline/publish.h"
#include "schemas/tie.h"
#include "stages/base/conveyor.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_TIES = 4096, THREADS_MAX = 2, SLOTS = 8 };

struct ties_block {
    size_t count;
    uint64_t place; /* among all blocks */
    struct status status;
    struct err err;
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
    uint64_t put; /* blocks */
    pthread_mutex_t lock;
    pthread_cond_t turned;
    uint64_t turn;  /* place of the block that may be appended; with the lock */
    bool is_broken; /* an append failed; whose turn it is may look */
    struct ties_block blocks[];
};

/* The loops that reach into large tables are apart from each other and from arithmetic: the
 * processor then waits for many ties at once. */
static void block_look_up(struct ties_block *block, const struct ties_writer_options *options) {
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

static struct status block_append(struct ties_writer *writer, const struct ties_block *block,
                                  struct err *err) {
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
    return tee_append(writer->tee, columns, block->count, err);
}

/* Blocks are begun in their order, so the turn of each comes. */
static void block_work(void *context, size_t slot) {
    struct ties_writer *writer = context;
    struct ties_block *block = &writer->blocks[slot];
    block_look_up(block, &writer->options);
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->turn != block->place) {
        (void)pthread_cond_wait(&writer->turned, &writer->lock);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    block->status = writer->is_broken ? status_ok() : block_append(writer, block, &block->err);
    writer->is_broken = writer->is_broken || failed(block->status);
    (void)pthread_mutex_lock(&writer->lock);
    writer->turn++;
    (void)pthread_cond_broadcast(&writer->turned);
    (void)pthread_mutex_unlock(&writer->lock);
}

struct status ties_writer_new(struct ties_writer **writer, struct tee *tee,
                              const struct ties_writer_options *options, struct err *err) {
    unsigned threads = options->threads == 0 ? 1 : options->threads;
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    size_t slots = threads == 1 ? 1 : SLOTS;
    size_t bytes = sizeof **writer + slots * sizeof(struct ties_block);
    struct ties_writer *made = malloc(bytes);
    *writer = NULL;
    if (made == NULL) {
        return err_memory(err, bytes, "writing ties");
    }
    /* Columns are left as they are: a date may have few ties. */
    *made = (struct ties_writer){.tee = tee, .options = *options};
    /* With default attributes neither fails on Linux. */
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->turned, NULL);
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
        (void)pthread_cond_destroy(&writer->turned);
        (void)pthread_mutex_destroy(&writer->lock);
        free(writer);
    }
}

/* Waits for the oldest block on its way; it is empty then. */
static struct status block_finish(struct ties_writer *writer, struct err *err) {
    struct ties_block *block = &writer->blocks[conveyor_take(writer->conveyor)];
    block->count = 0;
    return failed(block->status) ? err_set(err, block->status.failure, "%s", block->err.text)
                                 : status_ok();
}

/* Sends the block that is being filled on its way. */
static void block_put(struct ties_writer *writer) {
    writer->blocks[conveyor_next(writer->conveyor)].place = writer->put++;
    conveyor_put(writer->conveyor);
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
            block_put(writer);
            if (conveyor_is_full(writer->conveyor)) {
                TRY(block_finish(writer, err));
            }
        }
    }
    return status_ok();
}

struct status ties_writer_finish(struct ties_writer *writer, struct err *err) {
    if (writer->blocks[conveyor_next(writer->conveyor)].count != 0) {
        block_put(writer);
    }
    while (conveyor_count(writer->conveyor) != 0) {
        TRY(block_finish(writer, err));
    }
    return status_ok();
}
