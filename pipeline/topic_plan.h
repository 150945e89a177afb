/* How far the partitions of a topic have been read, and what that means for the next run:
 * log_files.h for topics. Offsets are the numbers of records; they may have holes.
 */
#ifndef TIEFLOW_PIPELINE_TOPIC_PLAN_H
#define TIEFLOW_PIPELINE_TOPIC_PLAN_H

#include "pipeline/log_files.h"
#include "pipeline/topic.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>

struct topic_plan {
    struct extent *before;      /* per partition: what the state knows; names borrowed */
    struct kafka_range *ranges; /* what is to be read */
    bool is_new_topic;          /* the state has a history, but not of this topic */
};

/* Plans every partition from where the state has left it to its pinned end, or, where the date of a
 * generation is repeated (`repeated`; else NULL), to where that one read it. `previous` NULL: there
 * is no state. FAILURE_DATA where records are gone that no run has taken, the topic was made anew,
 * the state waits for records of something else, or the repeated date was computed from something
 * else. topic_plan_release only after success. */
FALLIBLE topic_plan_make(struct topic_plan *plan, const struct extents *previous,
                         const struct extents *repeated, const struct topic *topic,
                         struct err *err);
void topic_plan_release(struct topic_plan *plan);

/* A walk over the range of a partition. Where the state knows the newest record that was read, the
 * range begins with that, though it is not wanted again: it tells whether the topic is still the
 * one that it was. A topic made anew under its old name cannot be told otherwise once it has grown
 * past the offset that was read to. Where a date is repeated, it is the newest record that the date
 * was computed from. */
struct log_walk topic_plan_walk(const struct topic_plan *plan, const struct topic *topic,
                                size_t index);

/* Goes on to the record or gap at hand, and marks it. False in *is_wanted where an earlier run has
 * done with it; of a gap that is partly so, the rest stays. FAILURE_DATA where the marked record
 * is another than it was: the topic was made anew, or lost records in an unclean election of a
 * leader. */
FALLIBLE topic_walk_step(struct log_walk *walk, struct topic_batch *batch, bool *is_wanted,
                         struct err *err);

/* What is known of the partition behind the walk; the name is borrowed from the topic. */
struct extent topic_plan_close(const struct topic_plan *plan, size_t index,
                               const struct log_walk *walk);

#endif
