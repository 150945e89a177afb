/* The table is sorted by pair and time, and people are numbered by their ids, so one offset per
 * person leads to few records, and a search among them to the first of the window. A hash of pairs
 * would answer in one step and need memory for every pair.
 */
#include "stages/attribution/intensity.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t low_id(const struct fact *fact) {
    uint64_t from = fact->value[INTERACTION_FROM];
    uint64_t to = fact->value[INTERACTION_TO];
    return from < to ? from : to;
}

static uint64_t high_id(const struct fact *fact) {
    uint64_t from = fact->value[INTERACTION_FROM];
    uint64_t to = fact->value[INTERACTION_TO];
    return from < to ? to : from;
}

static int64_t time_of(const struct fact *fact) {
    return (int64_t)fact->value[INTERACTION_AT];
}

struct status intensity_init(struct intensity *intensity, const struct fact_table *table,
                             const struct people *people, int64_t window_ms, int64_t as_of_ms,
                             struct err *err) {
    assert(table->log == FACT_INTERACTIONS && window_ms >= 0);
    *intensity = (struct intensity){
        .table = table, .people = people, .window_ms = window_ms, .as_of_ms = as_of_ms};
    bool is_known = false;
    for (size_t i = 0; i < table->count && !is_known; i++) {
        is_known = time_of(&table->facts[i]) <= as_of_ms;
    }
    if (!is_known) {
        return status_ok();
    }
    intensity->begin = malloc((people->count + 1) * sizeof *intensity->begin);
    if (intensity->begin == NULL) {
        return err_memory(err, people->count * sizeof *intensity->begin, "the interactions");
    }
    size_t at = 0;
    for (size_t person = 0; person < people->count; person++) {
        while (at < table->count && low_id(&table->facts[at]) < people->ids[person]) {
            at++;
        }
        intensity->begin[person] = at;
    }
    intensity->begin[people->count] = table->count;
    return status_ok();
}

void intensity_release(struct intensity *intensity) {
    free(intensity->begin);
    *intensity = (struct intensity){0};
}

bool intensity_is_known(const struct intensity *intensity) {
    return intensity->begin != NULL;
}

uint32_t intensity_count(const struct intensity *intensity, uint32_t a, uint32_t b,
                         int64_t from_ms) {
    if (intensity->begin == NULL) {
        return 0;
    }
    uint32_t low_person = a < b ? a : b;
    uint64_t low_wanted = intensity->people->ids[low_person];
    uint64_t high_wanted = intensity->people->ids[a < b ? b : a];
    const struct fact *facts = intensity->table->facts;
    size_t low = intensity->begin[low_person];
    size_t end = intensity->begin[low_person + 1];
    size_t high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct fact *fact = &facts[middle];
        uint64_t id = high_id(fact);
        bool is_before = low_id(fact) == low_wanted &&
                         (id < high_wanted || (id == high_wanted && time_of(fact) < from_ms));
        if (is_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    int64_t until_ms = intensity->window_ms > INT64_MAX - 1 - (from_ms > 0 ? from_ms : 0)
                           ? INT64_MAX
                           : from_ms + intensity->window_ms;
    uint64_t count = 0;
    for (; low < end && low_id(&facts[low]) == low_wanted && high_id(&facts[low]) == high_wanted &&
           time_of(&facts[low]) < until_ms && time_of(&facts[low]) <= intensity->as_of_ms;
         low++) {
        count += facts[low].value[INTERACTION_COUNT];
    }
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}
