#include "pipeline/topic_plan.h"

#include "stages/base/checksum.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The number of the partition that an extent of this topic is of; -1 for another's. */
static long extent_partition(const struct extent *extent, const char *topic) {
    size_t bytes = strlen(topic);
    if (strncmp(extent->name, topic, bytes) != 0 || extent->name[bytes] != '/') {
        return -1;
    }
    return strtol(extent->name + bytes + 1, NULL, 10);
}

/* Whether the topic is known. Partitions only grow in number: one that it knows and the
 * brokers do not means another topic of the same name. */
static struct status topic_recall(const struct extents *known, const struct topic *topic,
                                  bool *is_known, struct err *err) {
    *is_known = false;
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        long partition = extent_partition(&known->items[i], topic->name);
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
static struct status waiting_check(const struct extents *previous, const struct topic *topic,
                                   struct err *err) {
    for (size_t i = 0; previous != NULL && i < previous->count; i++) {
        const struct extent *extent = &previous->items[i];
        if (extent->left != 0 && extent_partition(extent, topic->name) < 0) {
            return err_set(err, FAILURE_DATA,
                           "%s: %" PRIu64 " of its records were left for later dates, but topic %s "
                           "is read in its place: run the dates it holds first",
                           extent->name, extent->left, topic->name);
        }
    }
    return status_ok();
}

static const struct extent *find(const struct extents *extents, const char *name) {
    return extents == NULL ? NULL : extent_find(extents->items, extents->count, name);
}

/* What is to be read of a partition, from what the state knows of it and what the brokers have. */
static struct status range_plan(const struct extents *previous, const struct extents *repeated,
                                const struct topic *topic, size_t index, struct extent *before,
                                struct kafka_range *range, struct err *err) {
    const char *name = topic->part_names.items[index];
    const struct extent *known = find(previous, name);
    const struct extent *pinned = find(repeated, name);
    uint64_t low = (uint64_t)topic->partitions[index].low;
    uint64_t end = (uint64_t)topic->partitions[index].end;
    uint64_t stop = (uint64_t)topic->stops[index];
    *before = known != NULL ? *known : (struct extent){.first = low, .end = low};
    if (repeated != NULL) { /* a partition that is newer was not read then */
        stop = pinned != NULL ? pinned->end : before->first;
        before->last = pinned != NULL ? pinned->last : before->last; /* it must come by again */
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
    /* A mark that retention has overtaken tells nothing. */
    bool is_marked = before->last.is_known && before->last.record >= low;
    uint64_t first =
        is_marked && before->last.record < before->first ? before->last.record : before->first;
    *range = (struct kafka_range){(int32_t)index, (int64_t)first, (int64_t)stop};
    return status_ok();
}

void topic_plan_release(struct topic_plan *plan) {
    free(plan->before);
    free(plan->ranges);
    *plan = (struct topic_plan){0};
}

static struct status known_check(const struct extents *previous, const struct extents *repeated,
                                 const struct topic *topic, bool *is_known, struct err *err) {
    bool was_known;
    TRY(topic_recall(previous, topic, is_known, err));
    TRY(topic_recall(repeated, topic, &was_known, err));
    if (repeated != NULL && repeated->count != 0 && !was_known) {
        return err_set(err, FAILURE_DATA,
                       "this date was not computed from topic %s: repeat it with the logs that it "
                       "was run with ('tieflow snapshot ls' and its manifest.json name them)",
                       topic->name);
    }
    return waiting_check(previous, topic, err);
}

struct status topic_plan_make(struct topic_plan *plan, const struct extents *previous,
                              const struct extents *repeated, const struct topic *topic,
                              struct err *err) {
    bool is_known;
    *plan = (struct topic_plan){0};
    TRY(known_check(previous, repeated, topic, &is_known, err));
    plan->is_new_topic = previous != NULL && !is_known;
    plan->before = calloc(topic->count + 1, sizeof *plan->before);
    plan->ranges = calloc(topic->count + 1, sizeof *plan->ranges);
    struct status status = status_ok();
    if (plan->before == NULL || plan->ranges == NULL) {
        status = err_memory(err, topic->count * (sizeof *plan->before + sizeof *plan->ranges),
                            "partitions");
    }
    for (size_t i = 0; i < topic->count && !failed(status); i++) {
        status = range_plan(previous, repeated, topic, i, &plan->before[i], &plan->ranges[i], err);
    }
    if (failed(status)) {
        topic_plan_release(plan);
    }
    return status;
}

struct log_walk topic_plan_walk(const struct topic_plan *plan, const struct topic *topic,
                                size_t index) {
    return (struct log_walk){
        .name = topic->part_names.items[index],
        .wanted_from = plan->before[index].first,
        .seen_below = plan->before[index].end,
        .extent.last = plan->before[index].last,
        .is_new_topic = plan->is_new_topic,
    };
}

static uint64_t record_sum(const struct kafka_record *record) {
    uint64_t nulls = (record->key == NULL) + 2 * (uint64_t)(record->value == NULL);
    uint64_t key_sum = checksum_of(record->key, record->key_bytes, nulls);
    return checksum_of(record->value, record->value_bytes, key_sum);
}

/* Behind a gap nothing is marked (unless what is marked lies behind it): the next run would have to
 * read from before what could not be read. */
struct status topic_walk_step(struct log_walk *walk, struct topic_batch *batch, bool *is_wanted,
                              struct err *err) {
    struct record_mark *last = &walk->extent.last;
    if (batch->found == KAFKA_GAP) {
        uint64_t gap_end = (uint64_t)batch->record.gap_end;
        if (gap_end > walk->seen_below && (uint64_t)batch->record.offset < walk->seen_below) {
            batch->record.offset = (int64_t)walk->seen_below;
        }
        walk->record = (uint64_t)batch->record.offset;
        *is_wanted = gap_end > walk->wanted_from;
        if (!last->is_known || last->record < gap_end) {
            *last = (struct record_mark){0};
        }
        return status_ok();
    }
    walk->record = (uint64_t)batch->record.offset;
    *is_wanted = walk->record >= walk->wanted_from;
    if (last->is_known && last->record > walk->record) {
        return status_ok(); /* one that is read again */
    }
    uint64_t sum = record_sum(&batch->record);
    if (last->is_known && last->record == walk->record && last->sum != sum) {
        return err_set(err, FAILURE_DATA,
                       "%s: at offset %" PRIu64
                       " is another record than an earlier run read there: the topic was made "
                       "anew, or a broker has lost its newest records and taken others since; "
                       "copy it to a topic of another name, or start a new --state",
                       walk->name, walk->record);
    }
    *last = (struct record_mark){true, walk->record, sum};
    return status_ok();
}

struct extent topic_plan_close(const struct topic_plan *plan, size_t index,
                               const struct log_walk *walk) {
    uint64_t end = (uint64_t)plan->ranges[index].end;
    return (struct extent){
        .name = (char *)(uintptr_t)walk->name, /* borrowed from the topic */
        .first = walk->has_left ? walk->extent.first : end,
        .end = end,
        .left = walk->extent.left,
        .last = walk->extent.last,
    };
}
