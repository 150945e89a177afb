#include "pipeline/ingest.h"

#include "schemas/limits.h"
#include "stages/base/files.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events per call of the reader; bytes of a malformed record that are kept to be looked at; and how
 * many are kept at all: more than a million are not read by anyone. */
enum { BLOCK_EVENTS = 4096, CONTENT_BYTES = 1024, QUARANTINE_MAX = 1000000 };

struct status ingest_init(struct ingest *ingest, const struct ingest_options *options,
                          struct progress *progress, struct err *err) {
    ingest->options = *options;
    ingest->progress = progress;
    ingest->facts = calloc(options->periods.count, sizeof *ingest->facts);
    if (ingest->facts == NULL) {
        return err_memory(err, options->periods.count * sizeof *ingest->facts, "the dates");
    }
    TRY(order_new(&ingest->order, options->simultaneous, err));
    return order_new(&ingest->late, options->simultaneous, err);
}

void ingest_release(struct ingest *ingest) {
    for (size_t i = 0; i < ingest->quarantine_count; i++) {
        free(ingest->quarantine[i].file);
        free(ingest->quarantine[i].reason);
        free(ingest->quarantine[i].content);
    }
    free(ingest->quarantine);
    free(ingest->extents);
    free(ingest->facts);
    order_free(ingest->order);
    order_free(ingest->late);
    *ingest = (struct ingest){0};
}

/* One file on its way: where it stands, and what the state knows of it. */
struct file_walk {
    const char *name;
    uint64_t record;     /* number of the next record, from 0 */
    uint64_t seen_below; /* records below were looked at by an earlier night */
    struct extent extent;
    bool has_left;
};

static void record_leave(struct file_walk *walk) {
    if (!walk->has_left) {
        walk->extent.first = walk->record;
        walk->has_left = true;
    }
    walk->extent.left++;
}

/* Sends one event where it belongs. */
static struct status event_take(struct ingest *ingest, struct file_walk *walk,
                                const struct event *event, struct err *err) {
    const struct periods *periods = &ingest->options.periods;
    if (periods_are_before(periods, event->at_ms)) {
        record_leave(walk);
        return status_ok();
    }
    if (periods_are_after(periods, event->at_ms)) {
        if (walk->record < walk->seen_below) {
            return status_ok(); /* an earlier night has dealt with it */
        }
        struct quality *first = &ingest->facts[0].quality;
        first->count[QUALITY_READ]++;
        if (ingest->options.previous == NULL) {
            first->count[QUALITY_EARLIER]++;
            return status_ok();
        }
        first->count[QUALITY_LATE]++;
        return order_add(ingest->late, event, 1, err);
    }
    struct period_facts *facts = &ingest->facts[period_index(periods, event->at_ms)];
    facts->quality.count[QUALITY_READ]++;
    if (facts->has_newest && event->at_ms < facts->newest_ms) {
        facts->quality.count[QUALITY_OUT_OF_ORDER]++;
    } else {
        facts->newest_ms = event->at_ms;
        facts->has_newest = true;
    }
    if (event->from.v == event->to.v) {
        facts->quality.count[QUALITY_SELF_LOOP]++;
        return status_ok();
    }
    return order_add(ingest->order, event, 1, err);
}

/* Keeps a malformed record, and fails at once when nobody would look at all of them. */
static struct status malformed_take(struct ingest *ingest, const struct file_walk *walk,
                                    const struct malformed *malformed, struct err *err) {
    if (walk->record < walk->seen_below) {
        return status_ok();
    }
    struct quality *first = &ingest->facts[0].quality;
    first->count[QUALITY_READ]++;
    first->count[QUALITY_MALFORMED]++;
    if (ingest->quarantine_count == QUARANTINE_MAX) {
        return err_set(err, FAILURE_DATA,
                       "more than %d malformed records, at last %s:%" PRIu64
                       ": %s; are these files connection logs?",
                       QUARANTINE_MAX, walk->name, malformed->line, malformed->reason);
    }
    if (ingest->quarantine_count == ingest->quarantine_capacity) {
        size_t capacity = ingest->quarantine_capacity * 2 + 16;
        struct quarantined *grown = reallocarray(ingest->quarantine, capacity, sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "the quarantine");
        }
        ingest->quarantine = grown;
        ingest->quarantine_capacity = capacity;
    }
    size_t bytes =
        malformed->content_bytes < CONTENT_BYTES ? malformed->content_bytes : CONTENT_BYTES;
    struct quarantined kept = {
        .file = strdup(walk->name),
        .record = walk->record + 1,
        .content = bytes == 0 ? strdup("") : strndup(malformed->content, bytes),
    };
    if (asprintf(&kept.reason, "%" PRIu64 ": %s", malformed->line, malformed->reason) < 0) {
        kept.reason = NULL;
    }
    if (kept.file == NULL || kept.reason == NULL || kept.content == NULL) {
        free(kept.file);
        free(kept.reason);
        free(kept.content);
        return err_memory(err, CONTENT_BYTES, "the quarantine");
    }
    ingest->quarantine[ingest->quarantine_count++] = kept;
    return status_ok();
}

/* Takes the records of an open file up to number `stop`. */
static struct status records_take(struct ingest *ingest, struct log_reader *reader,
                                  struct file_walk *walk, uint64_t stop, uint64_t bytes_before,
                                  struct err *err) {
    struct event events[BLOCK_EVENTS];
    while (walk->record < stop) {
        struct malformed malformed;
        bool is_malformed;
        size_t count;
        TRY(log_reader_next(reader, events, BLOCK_EVENTS, &count, &is_malformed, &malformed, err));
        if (count == 0 && !is_malformed) {
            return status_ok();
        }
        for (size_t i = 0; i < count && walk->record < stop; i++) {
            if (walk->record >= walk->extent.first) {
                TRY(event_take(ingest, walk, &events[i], err));
            }
            walk->record++;
        }
        if (is_malformed) {
            TRY(malformed_take(ingest, walk, &malformed, err));
            walk->record++;
        }
        progress_update(ingest->progress,
                        bytes_before + input_stored_bytes(log_reader_input(reader)));
    }
    return status_ok();
}

static struct status file_walk_open(struct ingest *ingest, const char *path, struct file_walk *walk,
                                    uint64_t stop, uint64_t bytes_before, struct err *err) {
    struct input *input;
    struct log_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(log_reader_open(&reader, input, ingest->options.reader, err));
    struct status status = records_take(ingest, reader, walk, stop, bytes_before, err);
    log_reader_close(reader);
    return status;
}

/* What the state knows about a file, checked against the file itself. */
static struct status extent_find(const struct generation *generation, const char *name,
                                 const char *path, uint64_t bytes, struct extent *extent,
                                 struct err *err) {
    const struct extent *known = generation == NULL ? NULL : generation_extent(generation, name);
    *extent = known == NULL ? (struct extent){0} : *known;
    if (bytes < extent->bytes) {
        return err_set(
            err, FAILURE_DATA,
            "%s: %" PRIu64 " bytes, but an earlier run read %" PRIu64
            ": the log was cut or replaced; bring the old file back, or give the new one "
            "another name",
            path, bytes, extent->bytes);
    }
    return status_ok();
}

static struct status file_take(struct ingest *ingest, const struct file_set *set, size_t index,
                               uint64_t bytes_before, struct err *err) {
    const char *path = set->paths.items[index];
    const char *name = path_base(path);
    uint64_t bytes = set->bytes[index];
    struct extent before;
    struct extent pinned;
    TRY(extent_find(ingest->options.previous, name, path, bytes, &before, err));
    TRY(extent_find(ingest->options.repeated, name, path, bytes, &pinned, err));
    bool is_repeat = ingest->options.repeated != NULL;
    uint64_t stop = is_repeat ? pinned.end : UINT64_MAX;
    bool is_unchanged = before.end != 0 && before.left == 0 && before.bytes == bytes;
    struct extent *after = &ingest->extents[index];
    *after = before;
    after->name = (char *)(uintptr_t)name; /* borrowed from the set */
    if (is_unchanged || (is_repeat && (stop == 0 || stop == before.first))) {
        return status_ok();
    }
    struct file_walk walk = {
        .name = name,
        .seen_below = before.end,
        .extent = {.first = before.first},
    };
    TRY(file_walk_open(ingest, path, &walk, stop, bytes_before, err));
    if (walk.record < before.end || (is_repeat && walk.record < stop)) {
        return err_set(err, FAILURE_DATA,
                       "%s: %" PRIu64 " records, but an earlier run read %" PRIu64
                       ": the log was replaced; bring the old file back",
                       path, walk.record, is_repeat ? stop : before.end);
    }
    ingest->looked_count += walk.record - before.end;
    after->first = walk.has_left ? walk.extent.first : walk.record;
    after->end = walk.record;
    after->left = walk.extent.left;
    after->bytes = is_repeat ? pinned.bytes : bytes;
    return status_ok();
}

/* A log that an earlier run has left records in must still be there. */
static struct status missing_check(const struct ingest *ingest, const struct file_set *set,
                                   struct err *err) {
    const struct generation *previous = ingest->options.previous;
    for (size_t i = 0; previous != NULL && i < previous->extent_count; i++) {
        const struct extent *extent = &previous->extents[i];
        if (extent->left != 0 && file_set_index_of(set, extent->name) == set->paths.count) {
            return err_set(err, FAILURE_DATA,
                           "%s: %" PRIu64 " of its records were left for later dates, but the file "
                           "is not among the logs: add it",
                           extent->name, extent->left);
        }
    }
    const struct generation *repeated = ingest->options.repeated;
    for (size_t i = 0; repeated != NULL && i < repeated->extent_count; i++) {
        const struct extent *extent = &repeated->extents[i];
        const struct extent *before =
            previous == NULL ? NULL : generation_extent(previous, extent->name);
        bool is_needed = before == NULL ? extent->end != 0 : extent->end != before->first;
        if (is_needed && file_set_index_of(set, extent->name) == set->paths.count) {
            return err_set(err, FAILURE_DATA,
                           "%s: this date was computed from it, but the file is not among the logs",
                           extent->name);
        }
    }
    return status_ok();
}

static struct status malformed_gate(const struct ingest *ingest, struct err *err) {
    uint64_t malformed = ingest->facts[0].quality.count[QUALITY_MALFORMED];
    if ((double)malformed <= ingest->options.malformed_share_max * (double)ingest->looked_count) {
        return status_ok();
    }
    const struct quarantined *first = &ingest->quarantine[0];
    return err_set(err, FAILURE_DATA,
                   "%s:%s; %" PRIu64 " of %" PRIu64 " records are malformed, more than the share "
                   "of %g that --max-malformed allows: mend the log, or allow more",
                   first->file, first->reason, malformed, ingest->looked_count,
                   ingest->options.malformed_share_max);
}

struct status ingest_files(struct ingest *ingest, const struct file_set *set, struct err *err) {
    TRY(missing_check(ingest, set, err));
    ingest->extents = calloc(set->paths.count + 1, sizeof *ingest->extents);
    if (ingest->extents == NULL) {
        return err_memory(err, set->paths.count * sizeof *ingest->extents, "the log files");
    }
    progress_begin(ingest->progress, "reading", "bytes", set->total_bytes);
    uint64_t bytes_before = 0;
    for (size_t i = 0; i < set->paths.count; i++) {
        TRY(file_take(ingest, set, i, bytes_before, err));
        bytes_before += set->bytes[i];
    }
    TRY(malformed_gate(ingest, err));
    progress_begin(ingest->progress, "ordering", "events", order_count(ingest->order));
    TRY(order_finish(ingest->order, err));
    TRY(order_finish(ingest->late, err));
    progress_end(ingest->progress);
    return status_ok();
}
