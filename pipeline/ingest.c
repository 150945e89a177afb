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

/* And the bytes of the letters among them, which are kept whole. */
static const uint64_t LETTER_BYTES_MAX = UINT64_C(1) << 28;

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

static void quarantined_release(struct quarantined *quarantined) {
    free(quarantined->file);
    free(quarantined->reason);
    free(quarantined->content);
    free(quarantined->letter.key);
    free(quarantined->letter.value);
    *quarantined = (struct quarantined){0};
}

void quarantined_describe(const struct quarantined *quarantined,
                          char text[QUARANTINED_TEXT_BYTES]) {
    if (quarantined->is_letter) {
        (void)snprintf(text, QUARANTINED_TEXT_BYTES, "%s, offset %" PRIu64 ": %s",
                       quarantined->file, quarantined->record, quarantined->reason);
    } else {
        (void)snprintf(text, QUARANTINED_TEXT_BYTES, "%s:%s", quarantined->file,
                       quarantined->reason);
    }
}

void ingest_release(struct ingest *ingest) {
    for (size_t i = 0; i < ingest->quarantine_count; i++) {
        quarantined_release(&ingest->quarantine[i]);
    }
    free(ingest->quarantine);
    free(ingest->extents);
    free(ingest->facts);
    order_free(ingest->order);
    order_free(ingest->late);
    *ingest = (struct ingest){0};
}

/* One file or partition on its way: where it stands, and what the state knows of it. */
struct log_walk {
    const char *name;
    uint64_t record;      /* number of the record at hand, from 0 */
    uint64_t wanted_from; /* records below are done with, and passed over */
    uint64_t seen_below;  /* records below were looked at by an earlier night */
    uint64_t last_left;   /* the newest record of which something was left */
    struct extent extent;
    bool has_left;
    bool is_new_topic; /* the state has a history, but not of this topic */
};

static void record_leave(struct log_walk *walk) {
    if (walk->has_left && walk->last_left == walk->record) {
        return; /* another event of the same record */
    }
    if (!walk->has_left) {
        walk->extent.first = walk->record;
        walk->has_left = true;
    }
    walk->last_left = walk->record;
    walk->extent.left++;
}

/* Counts an event that is older than one before it. */
static void newest_note(struct period_facts *facts, int64_t at_ms) {
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

/* Sends one event where it belongs; one that belongs into the order is left to the caller
 * (*is_taken), who may have many of them. */
static struct status event_place(struct ingest *ingest, struct log_walk *walk,
                                 const struct event *event, bool *is_taken, struct err *err) {
    const struct periods *periods = &ingest->options.periods;
    *is_taken = false;
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
        if (ingest->options.previous == NULL || walk->is_new_topic) {
            first->count[QUALITY_EARLIER]++;
            return status_ok();
        }
        first->count[QUALITY_LATE]++;
        return order_add(ingest->late, event, 1, err);
    }
    struct period_facts *facts = &ingest->facts[period_index(periods, event->at_ms)];
    facts->quality.count[QUALITY_READ]++;
    newest_note(facts, event->at_ms);
    if (event->from.v == event->to.v) {
        facts->quality.count[QUALITY_SELF_LOOP]++;
        return status_ok();
    }
    *is_taken = true;
    return status_ok();
}

/* Sends events where they belong: all of record walk->record, or (`are_records`) a record each from
 * there on. */
static struct status events_take(struct ingest *ingest, struct log_walk *walk,
                                 const struct event *events, size_t count, bool are_records,
                                 struct err *err) {
    size_t first = 0; /* of those that belong into the order and are not in it yet */
    for (size_t i = 0; i < count; i++) {
        bool is_taken = false;
        if (walk->record >= walk->wanted_from) {
            TRY(event_place(ingest, walk, &events[i], &is_taken, err));
        }
        if (!is_taken) {
            TRY(order_add(ingest->order, events + first, i - first, err));
            first = i + 1;
        }
        walk->record += are_records;
    }
    return order_add(ingest->order, events + first, count - first, err);
}

/* Room for one more in the quarantine; fails where nobody would look at all of them. */
static struct status quarantine_hold(struct ingest *ingest, const char *name, uint64_t place,
                                     const char *reason, struct err *err) {
    if (ingest->quarantine_count == QUARANTINE_MAX || ingest->letter_bytes > LETTER_BYTES_MAX) {
        return err_set(err, FAILURE_DATA,
                       "%zu malformed records, at last %s:%" PRIu64
                       ": %s; are these connection logs?",
                       ingest->quarantine_count, name, place, reason);
    }
    if (ingest->quarantine_count < ingest->quarantine_capacity) {
        return status_ok();
    }
    size_t capacity = ingest->quarantine_capacity * 2 + 16;
    struct quarantined *grown = reallocarray(ingest->quarantine, capacity, sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "the quarantine");
    }
    ingest->quarantine = grown;
    ingest->quarantine_capacity = capacity;
    return status_ok();
}

/* Keeps what was made of a malformed record, or all of it is released. */
static struct status quarantine_add(struct ingest *ingest, struct quarantined *made,
                                    struct err *err) {
    if (made->file == NULL || made->reason == NULL || made->content == NULL) {
        quarantined_release(made);
        return err_memory(err, CONTENT_BYTES, "the quarantine");
    }
    ingest->quarantine[ingest->quarantine_count++] = *made;
    return status_ok();
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
    TRY(quarantine_hold(ingest, walk->name, malformed->line, malformed->reason, err));
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
    return quarantine_add(ingest, &kept, err);
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
    struct log_walk walk = {
        .name = name,
        .wanted_from = before.first,
        .seen_below = before.end,
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
                           "%s: %" PRIu64
                           " of its records were left for later dates, but it is not "
                           "among the logs: add it",
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
                           "%s: this date was computed from it, but it is not among the logs",
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
    char first[QUARANTINED_TEXT_BYTES];
    quarantined_describe(&ingest->quarantine[0], first);
    return err_set(err, FAILURE_DATA,
                   "%s; %" PRIu64 " of %" PRIu64 " records are malformed, more than the share "
                   "of %g that --max-malformed allows: mend the log, or allow more",
                   first, malformed, ingest->looked_count, ingest->options.malformed_share_max);
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
    TRY(malformed_gate(ingest, err));
    progress_begin(ingest->progress, "ordering", "events", order_count(ingest->order));
    TRY(order_finish(ingest->order, err));
    TRY(order_finish(ingest->late, err));
    progress_end(ingest->progress);
    return status_ok();
}

struct status ingest_files(struct ingest *ingest, const struct file_set *set, struct err *err) {
    TRY(missing_check(ingest, set, err));
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

/* The number of the partition that an extent of this topic is of; -1 for another's. */
static long extent_partition(const struct extent *extent, const char *topic) {
    size_t bytes = strlen(topic);
    if (strncmp(extent->name, topic, bytes) != 0 || extent->name[bytes] != '/') {
        return -1;
    }
    return strtol(extent->name + bytes + 1, NULL, 10);
}

/* Whether the generation knows the topic. Partitions only grow in number: one that it knows and the
 * brokers do not means another topic of the same name. */
static struct status topic_recall(const struct generation *generation, const struct topic *topic,
                                  bool *is_known, struct err *err) {
    *is_known = false;
    for (size_t i = 0; generation != NULL && i < generation->extent_count; i++) {
        long partition = extent_partition(&generation->extents[i], topic->name);
        *is_known |= partition >= 0;
        if (partition >= (long)topic->count) {
            return err_set(err, FAILURE_DATA,
                           "topic %s: %zu partitions, but the state has read partition %ld: the "
                           "topic was made anew; give the new one another name, or start a new "
                           "--state",
                           topic->name, topic->count, partition);
        }
    }
    return status_ok();
}

/* A log that the state waits for must be among what is read. */
static struct status waiting_check(const struct generation *previous, const struct topic *topic,
                                   struct err *err) {
    for (size_t i = 0; previous != NULL && i < previous->extent_count; i++) {
        const struct extent *extent = &previous->extents[i];
        if (extent->left != 0 && extent_partition(extent, topic->name) < 0) {
            return err_set(err, FAILURE_DATA,
                           "%s: %" PRIu64 " of its records were left for later dates, but topic %s "
                           "is read in its place: run the dates it holds first",
                           extent->name, extent->left, topic->name);
        }
    }
    return status_ok();
}

/* What is to be read of a partition, from what the state knows of it and what the brokers have. */
static struct status range_plan(const struct generation *previous,
                                const struct generation *repeated, const struct topic *topic,
                                size_t index, struct extent *before, struct kafka_range *range,
                                struct err *err) {
    const char *name = topic->part_names.items[index];
    const struct extent *known = previous == NULL ? NULL : generation_extent(previous, name);
    const struct extent *pinned = repeated == NULL ? NULL : generation_extent(repeated, name);
    uint64_t low = (uint64_t)topic->partitions[index].low;
    uint64_t end = (uint64_t)topic->partitions[index].end;
    uint64_t stop = (uint64_t)topic->stops[index];
    *before = known != NULL ? *known : (struct extent){.first = low, .end = low};
    if (repeated != NULL) { /* a partition that is newer was not read then */
        stop = pinned != NULL ? pinned->end : before->first;
    }
    stop = stop > before->end || repeated != NULL ? stop : before->end; /* --lateness has grown */
    if (stop > end) {
        return err_set(err, FAILURE_DATA,
                       "%s: ends at offset %" PRIu64 ", but an earlier run read to %" PRIu64
                       ": the topic was cut or made anew; give the new one another name, or start "
                       "a new --state",
                       name, end, stop);
    }
    bool is_gone = known == NULL
                       ? stop < low
                       : low > before->first && (before->first < stop || low > before->end);
    if (is_gone) {
        return err_set(err, FAILURE_DATA,
                       "%s: offsets before %" PRIu64
                       " are gone that this run would read: retention has overtaken tieflow, or "
                       "the topic was made anew; bring them back under another topic, or start a "
                       "new --state",
                       name, low);
    }
    *range = (struct kafka_range){(int32_t)index, (int64_t)before->first, (int64_t)stop};
    return status_ok();
}

/* A copy of the bytes; NULL stays NULL, and no bytes are not NULL. */
static struct status bytes_copy(uint8_t **copy, const uint8_t *data, size_t bytes,
                                struct err *err) {
    *copy = NULL;
    if (data == NULL) {
        return status_ok();
    }
    *copy = malloc(bytes + 1);
    if (*copy == NULL) {
        return err_memory(err, bytes, "a record that is set aside");
    }
    memcpy(*copy, data, bytes);
    return status_ok();
}

/* Keeps the bytes of a malformed record. */
static struct status letter_fill(struct letter *letter, int32_t partition,
                                 const struct topic_batch *batch, struct err *err) {
    const struct kafka_record *record = &batch->record;
    *letter = (struct letter){
        .partition = partition,
        .offset = record->offset,
        .timestamp_ms = record->timestamp_ms,
    };
    if (batch->found == KAFKA_GAP) {
        letter->gap_end = record->gap_end;
        return status_ok();
    }
    TRY(bytes_copy(&letter->key, record->key, record->key_bytes, err));
    letter->key_bytes = record->key_bytes;
    TRY(bytes_copy(&letter->value, record->value, record->value_bytes, err));
    letter->value_bytes = record->value_bytes;
    return status_ok();
}

/* What a person sees of a value. */
static char *content_of(enum record_encoding encoding, const struct letter *letter) {
    static const char digits[] = "0123456789abcdef";
    size_t bytes = letter->value == NULL ? 0 : letter->value_bytes;
    if (encoding == RECORD_JSON && bytes != 0) {
        return strndup((const char *)letter->value, bytes < CONTENT_BYTES ? bytes : CONTENT_BYTES);
    }
    bytes = bytes < CONTENT_BYTES / 2 ? bytes : CONTENT_BYTES / 2;
    char *text = malloc(2 * bytes + 1);
    for (size_t i = 0; text != NULL && i < bytes; i++) {
        text[2 * i] = digits[letter->value[i] >> 4];
        text[2 * i + 1] = digits[letter->value[i] & 15];
    }
    if (text != NULL) {
        text[2 * bytes] = '\0';
    }
    return text;
}

static struct status letter_take(struct ingest *ingest, const struct topic *topic,
                                 const struct log_walk *walk, int32_t partition,
                                 const struct topic_batch *batch, struct err *err) {
    uint64_t records =
        batch->found == KAFKA_GAP ? (uint64_t)(batch->record.gap_end - batch->record.offset) : 1;
    if (walk->record < walk->seen_below) {
        return status_ok();
    }
    malformed_count(ingest, records);
    ingest->looked_count += records;
    TRY(quarantine_hold(ingest, walk->name, walk->record, batch->reason, err));
    struct quarantined kept = {
        .file = strdup(walk->name),
        .record = walk->record,
        .reason = strdup(batch->reason),
        .is_letter = true,
    };
    struct status status = letter_fill(&kept.letter, partition, batch, err);
    if (failed(status)) {
        quarantined_release(&kept);
        return status;
    }
    kept.content = content_of(topic->encoding, &kept.letter);
    ingest->letter_bytes += kept.letter.key_bytes + kept.letter.value_bytes;
    return quarantine_add(ingest, &kept, err);
}

/* Takes the records of one partition. Out of order is told within a partition: producers keep the
 * order there only. */
static struct status partition_take(struct ingest *ingest, struct topic *topic, size_t index,
                                    int32_t partition, struct log_walk *walk, struct err *err) {
    for (size_t i = 0; i < ingest->options.periods.count; i++) {
        ingest->facts[i].has_part_newest = false;
    }
    for (;;) {
        struct topic_batch batch;
        TRY(topic_next(topic, index, &batch, err));
        if (batch.found == KAFKA_END) {
            return status_ok();
        }
        walk->record = (uint64_t)batch.record.offset;
        if (batch.is_malformed) {
            TRY(letter_take(ingest, topic, walk, partition, &batch, err));
            continue;
        }
        TRY(events_take(ingest, walk, batch.events, batch.count, false, err));
        ingest->looked_count += walk->record < walk->seen_below ? 0 : batch.count;
    }
}

static struct status partitions_take(struct ingest *ingest, struct topic *topic, bool is_new_topic,
                                     const struct extent *before, const struct kafka_range *ranges,
                                     struct err *err) {
    TRY(topic_begin(topic, "consuming", ranges, topic->count, err));
    for (size_t i = 0; i < topic->count; i++) {
        struct log_walk walk = {
            .name = topic->part_names.items[i],
            .seen_below = before[i].end,
            .is_new_topic = is_new_topic,
        };
        TRY(partition_take(ingest, topic, i, ranges[i].partition, &walk, err));
        uint64_t end = (uint64_t)ranges[i].end;
        ingest->extents[i] = (struct extent){
            .name = topic->part_names.items[i], /* borrowed from the topic */
            .first = walk.has_left ? walk.extent.first : end,
            .end = end,
            .left = walk.extent.left,
        };
    }
    return status_ok();
}

/* Plans and reads; `before` and `ranges` have room for every partition. */
static struct status topic_take(struct ingest *ingest, struct topic *topic, bool is_new_topic,
                                struct extent *before, struct kafka_range *ranges,
                                struct err *err) {
    for (size_t i = 0; i < topic->count; i++) {
        TRY(range_plan(ingest->options.previous, ingest->options.repeated, topic, i, &before[i],
                       &ranges[i], err));
    }
    return partitions_take(ingest, topic, is_new_topic, before, ranges, err);
}

struct status ingest_topic(struct ingest *ingest, struct topic *topic, struct err *err) {
    bool is_known;
    bool was_known;
    TRY(topic_recall(ingest->options.previous, topic, &is_known, err));
    TRY(topic_recall(ingest->options.repeated, topic, &was_known, err));
    if (ingest->options.repeated != NULL && !was_known) {
        return err_set(err, FAILURE_DATA,
                       "this date was not computed from topic %s: repeat it with the logs that it "
                       "was run with ('tieflow snapshot ls' and its manifest.json name them)",
                       topic->name);
    }
    TRY(waiting_check(ingest->options.previous, topic, err));
    TRY(extents_new(ingest, topic->count, err));
    struct extent *before = calloc(topic->count + 1, sizeof *before);
    struct kafka_range *ranges = calloc(topic->count + 1, sizeof *ranges);
    bool is_new_topic = ingest->options.previous != NULL && !is_known;
    struct status status =
        before == NULL || ranges == NULL
            ? err_memory(err, topic->count * (sizeof *before + sizeof *ranges), "partitions")
            : topic_take(ingest, topic, is_new_topic, before, ranges, err);
    free(before);
    free(ranges);
    return failed(status) ? status : ingest_finish(ingest, err);
}

struct status ingest_topic_check(const struct generation *previous, const struct topic *topic,
                                 struct err *err) {
    bool is_known;
    TRY(topic_recall(previous, topic, &is_known, err));
    TRY(waiting_check(previous, topic, err));
    for (size_t i = 0; i < topic->count; i++) {
        struct extent before;
        struct kafka_range range;
        TRY(range_plan(previous, NULL, topic, i, &before, &range, err));
    }
    return status_ok();
}
