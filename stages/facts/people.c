/* A walk over several ascending rows of ids at once: the dictionary's, sorted for the purpose, and
 * those of the tables, which are sorted by member already. It is made twice, to count and to fill,
 * so that nothing is taken that is not kept but the sorted dictionary.
 */
#include "stages/facts/people.h"

#include "schemas/limits.h"
#include "stages/facts/key_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

/* The logs that make people known, and where their ids stand. */
static const struct {
    enum fact_log log;
    size_t field;
} sources[] = {
    {FACT_POSITIONS, POSITION_MEMBER},
    {FACT_APPLICATIONS, APPLICATION_MEMBER},
    {FACT_ASSIGNMENTS, ASSIGNMENT_MEMBER},
    {FACT_MEMBERS, MEMBER_ID},
};
enum { SOURCES = sizeof sources / sizeof sources[0] };

/* The ids of all sources from the smallest to the largest, each once. */
struct walk {
    const struct key_item *nodes; /* (id, node), ascending */
    size_t node_count;
    size_t next_node;
    const struct fact_table *tables; /* by enum fact_log */
    size_t next[SOURCES];
};

static uint64_t table_id(const struct walk *walk, size_t source) {
    const struct fact_table *table = &walk->tables[sources[source].log];
    return table->facts[walk->next[source]].value[sources[source].field];
}

static bool table_has_more(const struct walk *walk, size_t source) {
    return walk->next[source] < walk->tables[sources[source].log].count;
}

/* False behind the last. `node` is the id's node, PERSON_NONE without one. */
static bool walk_next(struct walk *walk, uint64_t *id, uint32_t *node) {
    bool has_node = walk->next_node < walk->node_count;
    bool has_any = has_node;
    *id = has_node ? walk->nodes[walk->next_node].key : 0;
    for (size_t source = 0; source < SOURCES; source++) {
        if (table_has_more(walk, source) && (!has_any || table_id(walk, source) < *id)) {
            *id = table_id(walk, source);
            has_any = true;
        }
    }
    *node = PERSON_NONE;
    if (has_node && walk->nodes[walk->next_node].key == *id) {
        *node = (uint32_t)walk->nodes[walk->next_node++].at;
    }
    for (size_t source = 0; source < SOURCES; source++) {
        while (table_has_more(walk, source) && table_id(walk, source) == *id) {
            walk->next[source]++;
        }
    }
    return has_any;
}

/* (id, node) of all nodes, ascending, in new memory with room for the sort behind them. */
static struct status nodes_sorted(const struct dictionary *dictionary, struct key_item **items,
                                  struct err *err) {
    size_t count = dictionary_count(dictionary);
    *items = reallocarray(NULL, 2 * count + 1, sizeof **items);
    if (*items == NULL) {
        return err_memory(err, 2ULL * count * sizeof **items, "the people");
    }
    for (uint32_t node = 0; node < count; node++) {
        uint64_t id = dictionary_member(dictionary, (struct node_id){node}).v;
        (*items)[node] = (struct key_item){id, node};
    }
    key_sort(*items, *items + count, count);
    return status_ok();
}

static struct status people_hold(struct people *people, size_t count, size_t node_count,
                                 struct err *err) {
    if (count > LIMIT_NODES) {
        return err_set(err, FAILURE_DATA, "%zu people: over this program's limit of %u", count,
                       LIMIT_NODES);
    }
    people->ids = calloc(count + 1, sizeof *people->ids);
    people->nodes = calloc(count + 1, sizeof *people->nodes);
    people->of_node = calloc(node_count + 1, sizeof *people->of_node);
    if (people->ids == NULL || people->nodes == NULL || people->of_node == NULL) {
        return err_memory(err, count * 12ULL + node_count * 4ULL, "the people");
    }
    return status_ok();
}

struct status people_build(struct people *people, const struct dictionary *dictionary,
                           const struct fact_table tables[FACT_LOGS], struct err *err) {
    assert(people->ids == NULL);
    struct key_item *nodes = NULL;
    TRY(nodes_sorted(dictionary, &nodes, err));
    struct walk start = {
        .nodes = nodes, .node_count = dictionary_count(dictionary), .tables = tables};
    struct walk walk = start;
    uint64_t id;
    uint32_t node;
    size_t count = 0;
    while (walk_next(&walk, &id, &node)) {
        count++;
    }
    struct status status = people_hold(people, count, start.node_count, err);
    walk = start;
    for (uint32_t person = 0; !failed(status) && walk_next(&walk, &id, &node); person++) {
        people->ids[person] = id;
        people->nodes[person] = node;
        if (node != PERSON_NONE) {
            people->of_node[node] = person;
        }
    }
    people->count = failed(status) ? 0 : count;
    people->node_count = failed(status) ? 0 : start.node_count;
    free(nodes);
    return status;
}

void people_release(struct people *people) {
    free(people->ids);
    free(people->of_node);
    free(people->nodes);
    *people = (struct people){0};
}

uint32_t people_find(const struct people *people, uint64_t id) {
    size_t first = 0;
    size_t end = people->count;
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (people->ids[middle] < id) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first < people->count && people->ids[first] == id ? (uint32_t)first : PERSON_NONE;
}
