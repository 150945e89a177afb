/* Chains of the company table are followed to their ends once per record of it, each record walked
 * over twice at most. The companies of the position records are then numbered through the hash
 * table of the dictionary stage, so that the far more numerous records cost one look-up each and
 * the chain is asked for once per company. Rejected: a binary search per record, which took five
 * times as long for a million companies.
 */
#include "stages/careers/companies.h"

#include "schemas/limits.h"
#include "stages/dictionary/dictionary.h"
#include "stages/facts/key_sort.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 1024, RING_NAMES_MAX = 8, RING_TEXT_BYTES = 256 };

/* The company table as chains, by number of its records. */
struct chains {
    const struct fact_table *table;
    size_t *next;  /* the record of the canonical company; the own number at the end of a chain */
    uint64_t *ids; /* the last company's id */
    size_t *walk;  /* number + 1 of the record whose walk came by first; 0: none */
};

static void chains_release(struct chains *chains) {
    free(chains->next);
    free(chains->ids);
    free(chains->walk);
}

/* The number of the company's record, or how many there are. */
static size_t record_find(const struct fact_table *table, uint64_t company) {
    size_t first = 0;
    size_t end = table->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (table->facts[middle].value[COMPANY_ID] < company) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < table->count && table->facts[first].value[COMPANY_ID] == company ? first
                                                                                    : table->count;
}

/* What the record says: the canonical company, or the company itself. */
static uint64_t record_canonical(const struct fact *record) {
    bool is_known = (record->known >> COMPANY_CANONICAL & 1) != 0;
    return record->value[is_known ? COMPANY_CANONICAL : COMPANY_ID];
}

static struct status ring_error(const struct chains *chains, size_t in_ring, struct err *err) {
    char text[RING_TEXT_BYTES];
    size_t length = 0;
    size_t record = in_ring;
    unsigned names = 0;
    do {
        uint64_t id = chains->table->facts[record].value[COMPANY_ID];
        length += (size_t)snprintf(text + length, sizeof text - length, "%" PRIu64 " -> ", id);
        record = chains->next[record];
        names++;
    } while (record != in_ring && names < RING_NAMES_MAX);
    uint64_t last = chains->table->facts[in_ring].value[COMPANY_ID];
    return err_set(err, FAILURE_DATA,
                   "canonical companies form a ring: %s%s%" PRIu64
                   "; correct one of these records of the company table",
                   text, record == in_ring ? "" : "... -> ", last);
}

/* Walks from a record to the end of its chain, or to what an earlier walk has been to, and back
 * over the same records with the end's id. */
static struct status chain_follow(struct chains *chains, size_t start, struct err *err) {
    size_t record = start;
    while (chains->walk[record] == 0) {
        chains->walk[record] = start + 1;
        record = chains->next[record];
    }
    bool is_end = chains->next[record] == record;
    if (chains->walk[record] == start + 1 && !is_end) {
        return ring_error(chains, record, err);
    }
    uint64_t id = is_end ? record_canonical(&chains->table->facts[record]) : chains->ids[record];
    for (record = start; chains->walk[record] == start + 1; record = chains->next[record]) {
        chains->ids[record] = id;
        if (chains->next[record] == record) {
            break;
        }
    }
    return status_ok();
}

static struct status chains_build(struct chains *chains, const struct fact_table *table,
                                  struct err *err) {
    size_t count = table->count;
    *chains = (struct chains){
        .table = table,
        .next = calloc(count + 1, sizeof *chains->next),
        .ids = calloc(count + 1, sizeof *chains->ids),
        .walk = calloc(count + 1, sizeof *chains->walk),
    };
    if (chains->next == NULL || chains->ids == NULL || chains->walk == NULL) {
        return err_memory(err, 24ULL * count, "the companies");
    }
    for (size_t i = 0; i < count; i++) {
        size_t next = record_find(table, record_canonical(&table->facts[i]));
        chains->next[i] = next == count ? i : next;
    }
    for (size_t i = 0; i < count; i++) {
        TRY(chain_follow(chains, i, err));
    }
    return status_ok();
}

/* Numbers the companies of the records in the order of their appearance. */
static struct status records_number(const struct fact_table *positions, struct dictionary *numbers,
                                    uint32_t *of_record, struct err *err) {
    struct member_id ids[BLOCK];
    struct node_id found[BLOCK];
    for (size_t first = 0; first < positions->count; first += BLOCK) {
        size_t left = positions->count - first;
        size_t count = left < BLOCK ? left : BLOCK;
        for (size_t i = 0; i < count; i++) {
            ids[i].v = positions->facts[first + i].value[POSITION_COMPANY];
        }
        TRY(dictionary_resolve(numbers, ids, count, found, err));
        for (size_t i = 0; i < count; i++) {
            of_record[first + i] = found[i].v;
        }
    }
    return status_ok();
}

/* Numbers to indices among the canonical ids. `items` has room for twice the numbers. */
static struct status numbers_settle(const struct chains *chains, const struct dictionary *numbers,
                                    struct key_item *items, uint32_t *indices, uint64_t **ids,
                                    size_t *count, struct err *err) {
    size_t number_count = dictionary_count(numbers);
    for (uint32_t number = 0; number < number_count; number++) {
        uint64_t company = dictionary_member(numbers, (struct node_id){number}).v;
        size_t record = record_find(chains->table, company);
        uint64_t id = record == chains->table->count ? company : chains->ids[record];
        items[number] = (struct key_item){id, number};
    }
    key_sort(items, items + number_count, number_count);
    uint64_t *made = calloc(number_count + 1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, 8ULL * number_count, "the companies");
    }
    size_t made_count = 0;
    for (size_t i = 0; i < number_count; i++) {
        if (i == 0 || items[i].key != items[i - 1].key) {
            made[made_count++] = items[i].key;
        }
        indices[items[i].at] = (uint32_t)(made_count - 1);
    }
    *ids = made;
    *count = made_count;
    return status_ok();
}

static struct status records_resolve(const struct chains *chains,
                                     const struct fact_table *positions, struct dictionary *numbers,
                                     uint32_t *of_record, uint64_t **ids, size_t *count,
                                     struct err *err) {
    TRY(records_number(positions, numbers, of_record, err));
    size_t number_count = dictionary_count(numbers);
    struct key_item *items = reallocarray(NULL, 2 * number_count + 1, sizeof *items);
    uint32_t *indices = calloc(number_count + 1, sizeof *indices);
    struct status status = items == NULL || indices == NULL
                               ? err_memory(err, 36ULL * number_count, "the companies")
                               : numbers_settle(chains, numbers, items, indices, ids, count, err);
    for (size_t i = 0; i < positions->count && !failed(status); i++) {
        of_record[i] = indices[of_record[i]];
    }
    free(items);
    free(indices);
    return status;
}

struct status companies_resolve(const struct fact_table *positions,
                                const struct fact_table *companies, uint32_t *of_record,
                                uint64_t **ids, size_t *count, struct err *err) {
    assert(positions->log == FACT_POSITIONS && companies->log == FACT_COMPANIES);
    *ids = NULL;
    *count = 0;
    struct chains chains;
    struct dictionary numbers = {0};
    struct status status = chains_build(&chains, companies, err);
    if (!failed(status)) {
        status = records_resolve(&chains, positions, &numbers, of_record, ids, count, err);
    }
    dictionary_release(&numbers);
    chains_release(&chains);
    return status;
}
