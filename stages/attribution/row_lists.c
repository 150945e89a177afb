#include "stages/attribution/row_lists.h"

#include <stdlib.h>

void row_lists_release(struct row_lists *lists) {
    free(lists->moves);
    free(lists->transmissions);
    free(lists->members);
    *lists = (struct row_lists){0};
}

void row_lists_clear(struct row_lists *lists) {
    lists->move_count = 0;
    lists->transmission_count = 0;
    lists->member_count = 0;
}

/* Room for one more item; the array may move. */
static struct status room_for_one(void *array, size_t count, size_t *capacity, size_t bytes,
                                  struct err *err) {
    if (count < *capacity) {
        return status_ok();
    }
    void **memory = array;
    size_t wanted = *capacity * 2 + 64;
    void *grown = reallocarray(*memory, wanted, bytes);
    if (grown == NULL) {
        return err_memory(err, wanted * bytes, "rows");
    }
    *memory = grown;
    *capacity = wanted;
    return status_ok();
}

struct status row_lists_add_move(struct row_lists *lists, const struct move_row *row,
                                 struct err *err) {
    TRY(room_for_one(&lists->moves, lists->move_count, &lists->move_capacity, sizeof *row, err));
    lists->moves[lists->move_count++] = *row;
    return status_ok();
}

struct status row_lists_add_transmission(struct row_lists *lists,
                                         const struct transmission_row *row, struct err *err) {
    TRY(room_for_one(&lists->transmissions, lists->transmission_count,
                     &lists->transmission_capacity, sizeof *row, err));
    lists->transmissions[lists->transmission_count++] = *row;
    return status_ok();
}

struct status row_lists_add_member(struct row_lists *lists, const struct member_row *row,
                                   struct err *err) {
    TRY(room_for_one(&lists->members, lists->member_count, &lists->member_capacity, sizeof *row,
                     err));
    lists->members[lists->member_count++] = *row;
    return status_ok();
}
