#include "pipeline/ingest.h"

#include "pipeline/log_files.h"
#include "pipeline/topic_plan.h"
#include "schemas/limits.h"
#include "stages/base/files.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events per call of the reader. */
enum { BLOCK_EVENTS = 4096 };

static const char log_name[] = "connections";

struct status ingest_init(struct ingest *ingest, const struct ingest_options *options,
                          struct progress *progress, struct err *err) {
    ingest->options = *options;
    ingest->progress = progress;
    ingest->facts = calloc(options->periods.count, sizeof *ingest->facts);
    if (ingest->facts == NULL) {
        return err_memory(err, options->periods.count * sizeof *ingest->facts, "the dates");
    }
    for (size_t i = 0; i < options->periods.count; i++) {
        ingest->facts[i].newest_connect_ms = INT64_MIN;
    }
    const struct sequence_options sequence = {
        .simultaneous = options->simultaneous,
        .dictionary = options->dictionary,
        .scratch_folder = options->scratch_folder,
        .memory_bytes = options->memory.sequence_bytes,
        .tape_memory_bytes = options->memory.tape_bytes,
    };
    return sequence_new(&ingest->sequence, &sequence, err);
}

void ingest_release(struct ingest *ingest) {
    quarantine_release(&ingest->quarantine);
    free(ingest->extents);
    free(ingest->facts);
    sequence_free(ingest->sequence);
    event_list_release(&ingest->late);
    *ingest = (struct ingest){0};
}

/* What a generation knows of the log; nothing where there is none. */
static struct extents extents_of(const struct generation *generation) {
    if (generation == NULL) {
        return (struct extents){0};
    }
    return (struct extents){generation->extents, generation->extent_count};
}

/* Counts an event that is older than one before it. */
static void newest_note(struct period_facts *facts, const struct event *event) {
    int64_t at_ms = event->at_ms;
    if (event->kind == EVENT_CONNECT && at_ms > facts->newest_connect_ms) {
        facts->newest_connect_ms = at_ms;
    }
    if (!facts->has_newest || at_ms > facts->newest_ms) {
        facts->newest_ms = at_ms;
        facts->has_newest = true;
    }
    if (facts->has_part_newest && at_ms < facts->part_newest_ms) {
        facts->quality.count[QUALITY_OUT_OF_ORDER]++;
    } else {
        facts->part_newest_ms = at_ms;
        facts->has_part_newest = true;
    }
}

/* Sends one event where it belongs; one that belongs into the sequence is left to the caller
 * (*is_taken), who may have many of them. */
static struct status event_place(struct ingest *ingest, struct log_walk *walk,
                                 const struct event *event, bool *is_taken, struct err *err) {
    const struct periods *periods = &ingest->options.periods;
    *is_taken = false;
    if (periods_are_before(periods, event->at_ms)) {
        log_walk_leave(walk);
        return status_ok();
    }
    if (periods_are_after(periods, event->at_ms)) {
        if (walk->record < walk->seen_below) {
            return status_ok(); /* an earlier night has dealt with it */
        }
        struct quality *first = &ingest->facts[0].quality;
        first->count[QUALITY_READ]++;
        if (ingest->options.previous == NULL || walk->is_new_topic) {
            first->count[QUALITY_EARLIER]++;
            return status_ok();
        }
        first->count[QUALITY_LATE]++;
        return event_list_add(&ingest->late, event, 1, err);
    }
    struct period_facts *facts = &ingest->facts[period_index(periods, event->at_ms)];
    facts->quality.count[QUALITY_READ]++;
    newest_note(facts, event);
    if (event->from.v == event->to.v) {
        facts->quality.count[QUALITY_SELF_LOOP]++;
        return status_ok();
    }
    facts->disconnects += event->kind == EVENT_DISCONNECT;
    *is_taken = true;
    return status_ok();
}

/* Sends events where they belong: all of record walk->record, or (`are_records`) a record each from
 * there on. */
static struct status events_take(struct ingest *ingest, struct log_walk *walk,
                                 const struct event *events, size_t count, bool are_records,
                                 struct err *err) {
    size_t first = 0; /* of those that belong into the sequence and are not in it yet */
    for (size_t i = 0; i < count; i++) {
        bool is_taken = false;
        if (walk->record >= walk->wanted_from) {
            TRY(event_place(ingest, walk, &events[i], &is_taken, err));
        }
        if (!is_taken) {
            TRY(sequence_add(ingest->sequence, events + first, i - first, err));
            first = i + 1;
        }
        walk->record += are_records;
    }
    return sequence_add(ingest->sequence, events + first, count - first, err);
}

static void malformed_count(struct ingest *ingest, uint64_t records) {
    struct quality *first = &ingest->facts[0].quality;
    first->count[QUALITY_READ] += records;
    first->count[QUALITY_MALFORMED] += records;
}

static struct status malformed_take(struct ingest *ingest, const struct log_walk *walk,
                                    const struct malformed *malformed, struct err *err) {
    if (walk->record < walk->seen_below) {
        return status_ok();
    }
    malformed_count(ingest, 1);
    return quarantine_file_record(&ingest->quarantine, log_name, walk->name, walk->record,
                                  malformed, err);
}

/* Takes the records of an open file up to number `stop`. */
static struct status records_take(struct ingest *ingest, struct log_reader *reader,
                                  struct log_walk *walk, uint64_t stop, uint64_t bytes_before,
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
        if (count > stop - walk->record) {
            count = (size_t)(stop - walk->record);
        }
        TRY(events_take(ingest, walk, events, count, true, err));
        if (is_malformed) {
            TRY(malformed_take(ingest, walk, &malformed, err));
            walk->record++;
        }
        progress_update(ingest->progress,
                        bytes_before + input_stored_bytes(log_reader_input(reader)));
    }
    return status_ok();
}

static struct status file_walk_open(struct ingest *ingest, const char *path, struct log_walk *walk,
                                    uint64_t stop, uint64_t bytes_before, struct err *err) {
    struct input *input;
    struct log_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(log_reader_open(&reader, input, ingest->options.reader, err));
    struct status status = log_reader_pass(reader, walk->wanted_from, &walk->record, err);
    if (!failed(status)) {
        status = records_take(ingest, reader, walk, stop, bytes_before, err);
    }
    log_reader_close(reader);
    return status;
}

static struct status file_take(struct ingest *ingest, const struct file_set *set, size_t index,
                               uint64_t bytes_before, struct err *err) {
    struct extents previous = extents_of(ingest->options.previous);
    struct extents repeated = extents_of(ingest->options.repeated);
    struct file_plan plan;
    TRY(file_plan_make(&plan, &previous, ingest->options.repeated == NULL ? NULL : &repeated,
                       set->paths.items[index], set->bytes[index], err));
    struct extent *after = &ingest->extents[index];
    *after = plan.before;
    if (plan.is_idle) {
        return status_ok();
    }
    struct log_walk walk = file_plan_walk(&plan);
    TRY(file_walk_open(ingest, plan.path, &walk, plan.stop, bytes_before, err));
    TRY(file_plan_close(&plan, &walk, after, err));
    ingest->looked_count += walk.record - plan.before.end;
    return status_ok();
}

static struct status extents_new(struct ingest *ingest, size_t count, struct err *err) {
    ingest->extents = calloc(count + 1, sizeof *ingest->extents);
    if (ingest->extents == NULL) {
        return err_memory(err, count * sizeof *ingest->extents, "the extents of the logs");
    }
    ingest->extent_count = count;
    return status_ok();
}

static struct status ingest_finish(struct ingest *ingest, struct err *err) {
    TRY(quarantine_gate(&ingest->quarantine, 0, ingest->facts[0].quality.count[QUALITY_MALFORMED],
                        ingest->looked_count, ingest->options.malformed_share_max, err));
    progress_begin(ingest->progress, "ordering", "events", sequence_count(ingest->sequence));
    TRY(sequence_finish(ingest->sequence, err));
    TRY(event_list_sort(&ingest->late, ingest->options.simultaneous, err));
    progress_end(ingest->progress);
    return status_ok();
}

struct status ingest_files(struct ingest *ingest, const struct file_set *set, struct err *err) {
    struct extents previous = extents_of(ingest->options.previous);
    struct extents repeated = extents_of(ingest->options.repeated);
    TRY(log_files_complete(&previous, ingest->options.repeated == NULL ? NULL : &repeated, set,
                           err));
    TRY(extents_new(ingest, set->paths.count, err));
    progress_begin(ingest->progress, "reading", "bytes", set->total_bytes);
    uint64_t bytes_before = 0;
    for (size_t i = 0; i < set->paths.count; i++) {
        TRY(file_take(ingest, set, i, bytes_before, err));
        bytes_before += set->bytes[i];
    }
    return ingest_finish(ingest, err);
}

/* --- topics --- */

static struct status letter_take(struct ingest *ingest, const struct topic *topic,
                                 const struct log_walk *walk, size_t index,
                                 const struct topic_batch *batch, struct err *err) {
    if (walk->record < walk->seen_below) {
        return status_ok();
    }
    uint64_t records = topic_batch_records(batch);
    malformed_count(ingest, records);
    ingest->looked_count += records;
    return topic_set_aside(topic, index, batch, log_name, &ingest->quarantine, err);
}

/* Takes the records of one partition. Out of order is told within a partition: producers keep the
 * order there only. */
static struct status partition_take(struct ingest *ingest, struct topic *topic, size_t index,
                                    struct log_walk *walk, struct err *err) {
    for (size_t i = 0; i < ingest->options.periods.count; i++) {
        ingest->facts[i].has_part_newest = false;
    }
    for (;;) {
        struct topic_batch batch;
        TRY(topic_next(topic, index, walk->wanted_from, &batch, err));
        if (batch.found == KAFKA_END) {
            return status_ok();
        }
        bool is_wanted;
        TRY(topic_walk_step(walk, &batch, &is_wanted, err));
        if (is_wanted && batch.is_malformed) {
            TRY(letter_take(ingest, topic, walk, index, &batch, err));
        } else if (is_wanted) {
            TRY(events_take(ingest, walk, batch.events, batch.count, false, err));
            ingest->looked_count += walk->record < walk->seen_below ? 0 : batch.count;
        }
    }
}

static struct status partitions_take(struct ingest *ingest, struct topic *topic,
                                     const struct topic_plan *plan, struct err *err) {
    TRY(topic_begin(topic, "consuming", plan->ranges, topic->count, err));
    for (size_t i = 0; i < topic->count; i++) {
        struct log_walk walk = topic_plan_walk(plan, topic, i);
        TRY(partition_take(ingest, topic, i, &walk, err));
        ingest->extents[i] = topic_plan_close(plan, i, &walk);
    }
    return status_ok();
}

/* Where --lateness lets nothing new be read of a partition that has more: a stamp that is far ahead
 * holds up all that lies behind it, and only people can tell whether it is right. */
static void stalls_tell(const struct topic *topic, const struct topic_plan *plan) {
    for (size_t i = 0; i < topic->count; i++) {
        int64_t end = topic->partitions[i].end;
        int64_t read_to = plan->ranges[i].end;
        if (topic->stops[i] < end && read_to < end && (uint64_t)read_to == plan->before[i].end) {
            progress_note(topic->progress,
                          "%s: nothing new is read, since offset %" PRId64
                          " is stamped too late for this date; it and the %" PRId64
                          " offsets behind it wait; where its stamp is wrong, run a date without "
                          "--lateness",
                          topic->part_names.items[i], read_to, end - read_to - 1);
        }
    }
}

struct status ingest_topic(struct ingest *ingest, struct topic *topic, struct err *err) {
    struct extents previous = extents_of(ingest->options.previous);
    struct extents repeated = extents_of(ingest->options.repeated);
    struct topic_plan plan;
    TRY(topic_plan_make(&plan, ingest->options.previous == NULL ? NULL : &previous,
                        ingest->options.repeated == NULL ? NULL : &repeated, topic, err));
    stalls_tell(topic, &plan);
    struct status status = extents_new(ingest, topic->count, err);
    if (!failed(status)) {
        status = partitions_take(ingest, topic, &plan, err);
    }
    topic_plan_release(&plan);
    return failed(status) ? status : ingest_finish(ingest, err);
}

struct status ingest_topic_check(const struct generation *previous, const struct topic *topic,
                                 struct err *err) {
    struct extents known = extents_of(previous);
    struct topic_plan plan;
    TRY(topic_plan_make(&plan, previous == NULL ? NULL : &known, NULL, topic, err));
    topic_plan_release(&plan);
    return status_ok();
}

uint64_t ingest_disconnects(const struct ingest *ingest) {
    uint64_t count = 0;
    for (size_t i = 0; i < ingest->options.periods.count; i++) {
        count += ingest->facts[i].disconnects;
    }
    return count;
}
