/* The `quality` table: where every record that was read has gone.
 *
 * Invariant, checked at the end of every run: READ = APPLIED + DUPLICATE + ORPHAN + SELF_LOOP +
 * LATE + EARLIER + MALFORMED. OUT_OF_ORDER and TIES, ENDINGS count in another dimension (a record
 * out of order is also applied or a duplicate): APPLIED = TIES + ENDINGS.
 */
#ifndef TIEFLOW_SCHEMAS_QUALITY_H
#define TIEFLOW_SCHEMAS_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

/* The order is the order of the table's rows. */
enum quality_check {
    QUALITY_READ,         /* records taken from the log for this date or range */
    QUALITY_APPLIED,      /* made or ended a tie */
    QUALITY_DUPLICATE,    /* a connect of a pair that is connected */
    QUALITY_ORPHAN,       /* a disconnect of a pair that is not */
    QUALITY_SELF_LOOP,    /* from = to */
    QUALITY_LATE,         /* older than what a finished run has published: set aside in `late` */
    QUALITY_EARLIER,      /* before the first date of the first run: not taken */
    QUALITY_MALFORMED,    /* not a record: set aside in `quarantine` */
    QUALITY_OUT_OF_ORDER, /* older than a record read before it */
    QUALITY_TIES,         /* ties made */
    QUALITY_ENDINGS,      /* ties ended */
    QUALITY_CHECKS,
};

struct quality {
    uint64_t count[QUALITY_CHECKS];
};

/* The check's name in the table's `check` column. */
const char *quality_check_name(enum quality_check check);

/* Adds every count of `from` to `into`. */
void quality_add(struct quality *into, const struct quality *from);

/* True when the counts add up as the invariant above says. */
bool quality_adds_up(const struct quality *quality);

#endif
