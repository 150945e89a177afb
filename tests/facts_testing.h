/* What the tests of facts and careers share: records from plain numbers. */
#ifndef TIEFLOW_TESTS_FACTS_TESTING_H
#define TIEFLOW_TESTS_FACTS_TESTING_H

#include "stages/facts/fact_table.h"
#include "tests/testing.h"

#include <string.h>

/* A record whose first `count` fields are known. */
static inline struct fact fact_of(const uint64_t *values, size_t count) {
    struct fact fact = {.known = (uint8_t)((1U << count) - 1)};
    memcpy(fact.value, values, count * sizeof *values);
    return fact;
}
#define FACT(...)                                                                                  \
    fact_of((const uint64_t[]){__VA_ARGS__},                                                       \
            sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static inline struct fact position_fact(uint64_t member, uint64_t company, int64_t at_ms,
                                        uint64_t kind, uint64_t precision) {
    return FACT((uint64_t)at_ms, member, company, kind, precision);
}

static inline void table_add(struct fact_table *table, struct fact fact) {
    struct err err;
    MUST(fact_table_add(table, &fact, 1, &err));
}

static inline void table_finish(struct fact_table *table) {
    struct err err;
    MUST(fact_table_finish(table, &err));
}

/* Empty finished tables of all logs. */
static inline void tables_init(struct fact_table tables[FACT_LOGS]) {
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&tables[log], (enum fact_log)log);
    }
}

static inline void tables_finish(struct fact_table tables[FACT_LOGS]) {
    for (int log = 0; log < FACT_LOGS; log++) {
        table_finish(&tables[log]);
    }
}

static inline void tables_release(struct fact_table tables[FACT_LOGS]) {
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&tables[log]);
    }
}

#endif
