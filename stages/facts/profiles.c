/* An attribute is filled by sorting (value, person): ranks are then counted off in one pass. */
#include "stages/facts/profiles.h"

#include "stages/facts/key_sort.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_known(const struct fact *fact, size_t field) {
    return (fact->known >> field & 1) != 0;
}

/* The person of each record of the table, which is sorted by member as people are; people without
 * one are passed over. */
static uint32_t person_next(const struct people *people, uint32_t person, uint64_t id) {
    while (person < people->count && people->ids[person] < id) {
        person++;
    }
    assert(person < people->count && people->ids[person] == id); /* members are people */
    return person;
}

/* (value, person) of the records that have the field; `items` has room for one of each record. */
static size_t values_take(const struct people *people, const struct fact_table *members,
                          size_t field, struct key_item *items) {
    size_t count = 0;
    uint32_t person = 0;
    for (size_t i = 0; i < members->count; i++) {
        const struct fact *fact = &members->facts[i];
        person = person_next(people, person, fact->value[MEMBER_ID]);
        if (is_known(fact, field)) {
            items[count++] = (struct key_item){fact->value[field], person};
        }
    }
    return count;
}

/* `items` has room for two per record. */
static struct status attribute_build(struct attribute *attribute, const struct people *people,
                                     const struct fact_table *members, size_t field,
                                     struct key_item *items, struct err *err) {
    size_t count = values_take(people, members, field, items);
    if (count == 0) {
        return status_ok();
    }
    key_sort(items, items + members->count, count);
    size_t distinct = 1;
    for (size_t i = 1; i < count; i++) {
        distinct += items[i].key != items[i - 1].key;
    }
    attribute->ids = calloc(distinct, sizeof *attribute->ids);
    attribute->of_person = calloc(people->count, sizeof *attribute->of_person);
    if (attribute->ids == NULL || attribute->of_person == NULL) {
        return err_memory(err, 8ULL * distinct + 4ULL * people->count, "the profiles");
    }
    memset(attribute->of_person, 0xff, people->count * sizeof *attribute->of_person);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || items[i].key != items[i - 1].key) {
            attribute->ids[attribute->count++] = items[i].key;
        }
        attribute->of_person[items[i].at] = (uint32_t)(attribute->count - 1);
    }
    return status_ok();
}

static struct status years_build(struct profiles *profiles, const struct people *people,
                                 const struct fact_table *members, struct key_item *items,
                                 struct err *err) {
    size_t count = values_take(people, members, MEMBER_CAREER_START_YEAR, items);
    if (count == 0) {
        return status_ok();
    }
    profiles->career_start_year = calloc(people->count, sizeof *profiles->career_start_year);
    if (profiles->career_start_year == NULL) {
        return err_memory(err, 2ULL * people->count, "the profiles");
    }
    for (size_t i = 0; i < count; i++) {
        profiles->career_start_year[items[i].at] = (uint16_t)items[i].key;
    }
    return status_ok();
}

/* The lower median of a ranking over the industry table; 0 where no industry has a rank. `items`
 * has room for two per industry. */
static uint64_t rank_median(const struct fact_table *industries, size_t field,
                            struct key_item *items) {
    size_t count = 0;
    for (size_t i = 0; i < industries->count; i++) {
        if (is_known(&industries->facts[i], field)) {
            items[count++] = (struct key_item){industries->facts[i].value[field], i};
        }
    }
    key_sort(items, items + industries->count, count);
    return count == 0 ? 0 : items[(count - 1) / 2].key;
}

/* Halves of all industries that members have, by one ranking. */
static void halves_fill(const struct attribute *industry, const struct fact_table *industries,
                        size_t field, uint64_t median, uint8_t *half) {
    memset(half, 2, industry->count);
    size_t next = 0; /* both are sorted by industry */
    for (size_t i = 0; i < industry->count; i++) {
        while (next < industries->count &&
               industries->facts[next].value[INDUSTRY_ID] < industry->ids[i]) {
            next++;
        }
        if (next == industries->count) {
            return;
        }
        const struct fact *fact = &industries->facts[next];
        if (fact->value[INDUSTRY_ID] == industry->ids[i] && is_known(fact, field)) {
            half[i] = fact->value[field] > median;
        }
    }
}

static struct status halves_build(struct profiles *profiles, const struct fact_table *industries,
                                  struct err *err) {
    if (industries->count == 0) {
        return status_ok();
    }
    struct key_item *items = reallocarray(NULL, industries->count, 2 * sizeof *items);
    if (items == NULL) {
        return err_memory(err, 32ULL * industries->count, "the industries");
    }
    struct status status = status_ok();
    for (size_t rank = 0; rank < INDUSTRY_RANKS && !failed(status); rank++) {
        size_t field = INDUSTRY_IT + rank;
        uint8_t *half = calloc(profiles->industry.count + 1, 1);
        if (half == NULL) {
            status = err_memory(err, profiles->industry.count, "the industries");
            break;
        }
        uint64_t median = rank_median(industries, field, items);
        halves_fill(&profiles->industry, industries, field, median, half);
        profiles->half[rank] = half;
    }
    free(items);
    return status;
}

static struct status profiles_make(struct profiles *profiles, const struct people *people,
                                   const struct fact_table *members, struct key_item *items,
                                   struct err *err) {
    TRY(attribute_build(&profiles->industry, people, members, MEMBER_INDUSTRY, items, err));
    TRY(attribute_build(&profiles->country, people, members, MEMBER_COUNTRY, items, err));
    TRY(attribute_build(&profiles->region, people, members, MEMBER_REGION, items, err));
    TRY(attribute_build(&profiles->place, people, members, MEMBER_PLACE, items, err));
    return years_build(profiles, people, members, items, err);
}

struct status profiles_build(struct profiles *profiles, const struct people *people,
                             const struct fact_table *members, const struct fact_table *industries,
                             struct err *err) {
    assert(members->log == FACT_MEMBERS && members->sorted == members->count);
    assert(industries->log == FACT_INDUSTRIES && industries->sorted == industries->count);
    struct key_item *items = reallocarray(NULL, members->count + 1, 2 * sizeof *items);
    if (items == NULL) {
        return err_memory(err, 32ULL * members->count, "the profiles");
    }
    struct status status = profiles_make(profiles, people, members, items, err);
    free(items);
    return failed(status) ? status : halves_build(profiles, industries, err);
}

static void attribute_release(struct attribute *attribute) {
    free(attribute->ids);
    free(attribute->of_person);
}

void profiles_release(struct profiles *profiles) {
    attribute_release(&profiles->industry);
    attribute_release(&profiles->country);
    attribute_release(&profiles->region);
    attribute_release(&profiles->place);
    free(profiles->career_start_year);
    for (size_t rank = 0; rank < INDUSTRY_RANKS; rank++) {
        free(profiles->half[rank]);
    }
    *profiles = (struct profiles){0};
}
