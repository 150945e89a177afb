/* Rows of a few members that wait for their turn to be handed out. */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_ROW_LISTS_H
#define TIEFLOW_STAGES_ATTRIBUTION_ROW_LISTS_H

#include "schemas/status.h"
#include "stages/attribution/attribution.h"

#include <stddef.h>

/* Zero-initialised storage is empty. */
struct row_lists {
    struct move_row *moves;
    size_t move_count;
    size_t move_capacity;
    struct transmission_row *transmissions;
    size_t transmission_count;
    size_t transmission_capacity;
    struct member_row *members;
    size_t member_count;
    size_t member_capacity;
};

void row_lists_release(struct row_lists *lists);

/* Empties them; keeps their memory. */
void row_lists_clear(struct row_lists *lists);

/* Copy a row to the end. */
FALLIBLE row_lists_add_move(struct row_lists *lists, const struct move_row *row, struct err *err);
FALLIBLE row_lists_add_transmission(struct row_lists *lists, const struct transmission_row *row,
                                    struct err *err);
FALLIBLE row_lists_add_member(struct row_lists *lists, const struct member_row *row,
                              struct err *err);

#endif
