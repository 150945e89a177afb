/* A world is read back from its logs alone, with a matrix of ties and a table of days, and judged
 * by the definitions. */
#include "stages/generate/labour.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "tests/testing.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct err err;

/* ---- a world's logs, whole ---- */

struct world {
    struct labour_options options;
    struct event *events;
    size_t event_count;
    struct fact_list facts[FACT_LOGS];
    struct fact_list planted;
    struct labour *labour; /* for its truth */
};

static void list_append(struct fact_list *list, const struct fact_list *more) {
    list->facts = realloc(list->facts, (list->count + more->count + 1) * sizeof *list->facts);
    assert_non_null(list->facts);
    if (more->count > 0) {
        memcpy(list->facts + list->count, more->facts, more->count * sizeof *list->facts);
    }
    list->count += more->count;
}

static struct world world_make(const struct labour_options *options) {
    struct world world = {.options = *options};
    MUST(labour_new(&world.labour, options, &err));
    for (;;) {
        const struct labour_batch *batch;
        bool more;
        MUST(labour_next(world.labour, &batch, &more, &err));
        size_t count = world.event_count + batch->event_count;
        world.events = realloc(world.events, (count + 1) * sizeof *world.events);
        assert_non_null(world.events);
        memcpy(world.events + world.event_count, batch->events,
               batch->event_count * sizeof *world.events);
        world.event_count = count;
        for (int log = 0; log < FACT_LOGS; log++) {
            list_append(&world.facts[log], &batch->facts[log]);
        }
        list_append(&world.planted, &batch->planted);
        if (!more) {
            assert_int_equal(batch->event_count, 0);
            return world;
        }
    }
}

static void world_release(struct world *world) {
    for (int log = 0; log < FACT_LOGS; log++) {
        free(world->facts[log].facts);
    }
    free(world->planted.facts);
    free(world->events);
    labour_free(world->labour);
}

/* A small world with much of everything. */
static struct labour_options small_options(uint64_t ties, uint64_t members) {
    struct labour_options options = labour_defaults(ties, 10.0);
    options.study.seed = 7;
    options.study.members = members;
    options.study.disconnect_share = 0.1;
    options.study.wart_share = 0.1;
    options.study.employer_size = 10;
    options.study.variant_from_ms = options.study.start_ms + options.study.span_ms / 5;
    options.hazard_per_year = 0.05;
    options.moves_per_year = 0.1;
    options.merger_share = 0.1;
    return options;
}

/* memcmp's order of the records. */
static int fact_order(const struct fact *a, const struct fact *b) {
    int order = memcmp(a->value, b->value, sizeof a->value);
    return order != 0 ? order : (int)a->known - (int)b->known;
}

static bool lists_are_equal(const struct fact_list *a, const struct fact_list *b) {
    bool equal = a->count == b->count;
    for (size_t i = 0; i < a->count && equal; i++) {
        equal = fact_order(&a->facts[i], &b->facts[i]) == 0;
    }
    return equal;
}

static bool worlds_are_equal(const struct world *a, const struct world *b) {
    bool equal = a->event_count == b->event_count && lists_are_equal(&a->planted, &b->planted);
    for (size_t i = 0; i < a->event_count && equal; i++) {
        equal = event_compare(&a->events[i], &b->events[i], SIMULTANEOUS_STRICT) == 0;
    }
    for (int log = 0; log < FACT_LOGS; log++) {
        equal = equal && lists_are_equal(&a->facts[log], &b->facts[log]);
    }
    return equal;
}

static void the_same_options_give_the_same_world(void **state) {
    (void)state;
    struct labour_options options = small_options(5000, 500);
    struct world one = world_make(&options);
    struct world same = world_make(&options);
    options.study.seed++;
    struct world other = world_make(&options);
    assert_true(worlds_are_equal(&one, &same));
    assert_false(worlds_are_equal(&one, &other));
    world_release(&one);
    world_release(&same);
    world_release(&other);
}

static void every_log_has_records_that_fit_in_time_order(void **state) {
    (void)state;
    struct labour_options options = small_options(5000, 500);
    struct world world = world_make(&options);
    for (int log = 0; log < FACT_LOGS; log++) {
        const struct fact_shape *shape = &fact_shapes[log];
        bool is_timed = shape->fields[0].type == FACT_TIME;
        assert_true(world.facts[log].count > 0);
        for (size_t i = 0; i < world.facts[log].count; i++) {
            const struct fact *fact = &world.facts[log].facts[i];
            for (size_t k = 0; k < shape->field_count; k++) {
                bool is_known = (fact->known >> k & 1) != 0;
                assert_true(is_known || !shape->fields[k].is_required);
                assert_true(!is_known || fact_value_fits(&shape->fields[k], fact->value[k]));
            }
            assert_true(i == 0 || !is_timed ||
                        (int64_t)fact[-1].value[0] <= (int64_t)fact->value[0]);
            assert_true(!is_timed ||
                        (int64_t)fact->value[0] < options.study.start_ms + options.study.span_ms);
        }
    }
    world_release(&world);
}

/* ---- ties ---- */

struct graph {
    size_t members;
    int64_t at_ms;     /* of the latest event */
    uint8_t *tied;     /* by pair, as of now */
    uint8_t *before;   /* the same before the instant of the latest event */
    int64_t *made_ms;  /* of the latest tie */
    int64_t *ended_ms; /* of the latest end, INT64_MAX while tied */
    uint32_t *mutual;  /* of the latest tie */
};

static struct graph graph_make(size_t members) {
    struct graph graph = {
        .members = members,
        .at_ms = INT64_MIN,
        .tied = calloc(members * members, 1),
        .before = calloc(members * members, 1),
        .made_ms = calloc(members * members, sizeof *graph.made_ms),
        .ended_ms = calloc(members * members, sizeof *graph.ended_ms),
        .mutual = calloc(members * members, sizeof *graph.mutual),
    };
    assert_non_null(graph.tied);
    assert_non_null(graph.before);
    assert_non_null(graph.made_ms);
    assert_non_null(graph.ended_ms);
    assert_non_null(graph.mutual);
    return graph;
}

static void graph_release(struct graph *graph) {
    free(graph->tied);
    free(graph->before);
    free(graph->made_ms);
    free(graph->ended_ms);
    free(graph->mutual);
}

/* The pair's place: the same for both directions. */
static size_t pair_of(const struct graph *graph, uint64_t a, uint64_t b) {
    return (size_t)(a < b ? a * graph->members + b : b * graph->members + a);
}

static uint32_t mutual_of(const struct graph *graph, uint64_t a, uint64_t b) {
    uint32_t mutual = 0;
    for (uint64_t k = 0; k < graph->members; k++) {
        mutual += graph->before[pair_of(graph, a, k)] & graph->before[pair_of(graph, b, k)];
    }
    return mutual;
}

/* Applies an event; returns the new tie's embeddedness, or -1. */
static int64_t event_apply(struct graph *graph, const struct event *event) {
    uint64_t a = event->from.v - 1;
    uint64_t b = event->to.v - 1;
    size_t pair = pair_of(graph, a, b);
    if (event->at_ms != graph->at_ms) {
        memcpy(graph->before, graph->tied, graph->members * graph->members);
        graph->at_ms = event->at_ms;
    }
    bool connects = event->kind == EVENT_CONNECT;
    if (a == b || graph->tied[pair] == connects) {
        return -1;
    }
    graph->tied[pair] = connects;
    graph->ended_ms[pair] = connects ? INT64_MAX : event->at_ms;
    if (!connects) {
        return -1;
    }
    graph->made_ms[pair] = event->at_ms;
    graph->mutual[pair] = mutual_of(graph, a, b);
    return graph->mutual[pair];
}

static void assert_mutual_is_exact(const struct labour_options *options) {
    struct world world = world_make(options);
    const struct labour_truth *truth = labour_truth(world.labour);
    struct graph graph = graph_make(options->study.members);
    uint64_t *ties = calloc(options->study.members, sizeof *ties);
    assert_non_null(ties);
    for (size_t i = 0; i < world.event_count; i++) {
        int64_t mutual = event_apply(&graph, &world.events[i]);
        if (mutual >= 0) {
            ties[mutual]++;
        }
    }
    uint64_t planted = 0;
    for (size_t mutual = 0; mutual < options->study.members; mutual++) {
        bool is_there = mutual < truth->mutual_count;
        assert_int_equal(ties[mutual], is_there ? truth->ties_by_mutual[mutual] : 0);
        planted += is_there ? truth->planted_by_mutual[mutual] : 0;
    }
    assert_int_equal(truth->ties, options->study.ties);
    assert_int_equal(planted, truth->moves_planted);
    assert_int_equal(world.planted.count, truth->moves_planted);
    free(ties);
    graph_release(&graph);
    world_release(&world);
}

static void the_truth_knows_the_embeddedness_of_every_tie(void **state) {
    (void)state;
    struct labour_options options = small_options(6000, 300);
    assert_mutual_is_exact(&options);
}

static void it_knows_it_where_ties_crowd_into_one_instant(void **state) {
    (void)state;
    struct labour_options options = small_options(6000, 200);
    options.study.span_ms = 3000;
    options.study.disconnect_share = 0.02;
    for (options.study.seed = 0; options.study.seed < 5; options.study.seed++) {
        assert_mutual_is_exact(&options);
    }
}

/* ---- careers ---- */

struct unit {
    int64_t lo_ms;
    int64_t hi_ms;
};

static struct unit unit_of(int64_t at_ms, uint64_t precision) {
    if (at_ms <= 0) {
        return (struct unit){INT64_MIN / 2, INT64_MIN / 2};
    }
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday = precision == PRECISION_DAY ? tm.tm_mday : 1;
    tm.tm_mon = precision == PRECISION_YEAR ? 0 : tm.tm_mon;
    struct unit unit = {(int64_t)timegm(&tm) * 1000, 0};
    tm.tm_mday += precision == PRECISION_DAY;
    tm.tm_mon += precision == PRECISION_MONTH;
    tm.tm_year += precision == PRECISION_YEAR;
    unit.hi_ms = (int64_t)timegm(&tm) * 1000;
    return unit;
}

struct spell {
    uint64_t member;
    uint64_t company;
    struct unit start;
    struct unit end;
};

struct careers {
    struct spell *spells; /* by member and company, in time order */
    size_t count;
    struct unit *entry; /* by member, from 1 */
    size_t orphans;
    size_t malformed;
};

/* One side of a position, to be sorted as the counter takes it. */
struct edge {
    uint64_t member;
    uint64_t company;
    int64_t at_ms; /* lo of a start, hi of an end */
    uint64_t kind;
    struct unit unit;
    struct fact fact;
};

static int edge_order(const void *a, const void *b) {
    const struct edge *x = a;
    const struct edge *y = b;
    const int64_t keys[][2] = {
        {(int64_t)x->member, (int64_t)y->member},
        {(int64_t)x->company, (int64_t)y->company},
        {x->at_ms, y->at_ms},
        {(int64_t)x->kind, (int64_t)y->kind},
        {-x->unit.hi_ms, -y->unit.hi_ms},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return fact_order(&x->fact, &y->fact);
}

static size_t edges_of(const struct world *world, struct edge *edges, size_t *malformed) {
    const struct fact_list *companies = &world->facts[FACT_COMPANIES];
    const struct fact_list *positions = &world->facts[FACT_POSITIONS];
    size_t count = 0;
    for (size_t i = 0; i < positions->count; i++) {
        const struct fact *fact = &positions->facts[i];
        const struct fact *company = &companies->facts[fact->value[POSITION_COMPANY] - 1];
        bool is_end = fact->value[POSITION_KIND] == POSITION_END;
        if (is_end && (int64_t)fact->value[POSITION_AT] <= 0) {
            ++*malformed;
            continue;
        }
        struct unit unit =
            unit_of((int64_t)fact->value[POSITION_AT], fact->value[POSITION_PRECISION]);
        edges[count++] = (struct edge){
            .member = fact->value[POSITION_MEMBER],
            .company = (company->known >> COMPANY_CANONICAL & 1) != 0
                           ? company->value[COMPANY_CANONICAL]
                           : company->value[COMPANY_ID],
            .at_ms = is_end ? unit.hi_ms : unit.lo_ms,
            .kind = fact->value[POSITION_KIND],
            .unit = unit,
            .fact = *fact,
        };
    }
    qsort(edges, count, sizeof *edges, edge_order);
    return count;
}

/* The counter of one member at one company, begun anew where either changes. */
static void edge_count(struct careers *careers, const struct edge *edge, bool is_new,
                       uint32_t *counter) {
    *counter = is_new ? 0 : *counter;
    struct spell *last = &careers->spells[careers->count - 1];
    if (edge->kind == POSITION_START) {
        struct unit *entry = &careers->entry[edge->member];
        if (edge->unit.lo_ms < entry->lo_ms ||
            (edge->unit.lo_ms == entry->lo_ms && edge->unit.hi_ms > entry->hi_ms)) {
            *entry = edge->unit;
        }
        if ((*counter)++ == 0) {
            careers->spells[careers->count++] =
                (struct spell){edge->member, edge->company, edge->unit, {INT64_MAX, INT64_MAX}};
        }
    } else if (*counter == 0) {
        careers->orphans++;
    } else if (--*counter == 0) {
        last->end = edge->unit;
    }
}

static struct careers careers_read(const struct world *world) {
    size_t records = world->facts[FACT_POSITIONS].count;
    size_t members = world->options.study.members;
    struct edge *edges = calloc(records + 1, sizeof *edges);
    struct careers careers = {
        .spells = calloc(records + 1, sizeof *careers.spells),
        .entry = calloc(members + 1, sizeof *careers.entry),
    };
    assert_non_null(edges);
    assert_non_null(careers.spells);
    assert_non_null(careers.entry);
    for (size_t i = 0; i <= members; i++) {
        careers.entry[i] = (struct unit){INT64_MAX, INT64_MAX};
    }
    size_t count = edges_of(world, edges, &careers.malformed);
    uint32_t counter = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_new = i == 0 || edges[i].member != edges[i - 1].member ||
                      edges[i].company != edges[i - 1].company;
        bool is_double = i > 0 && fact_order(&edges[i].fact, &edges[i - 1].fact) == 0;
        if (!is_double) {
            edge_count(&careers, &edges[i], is_new, &counter);
        }
    }
    free(edges);
    return careers;
}

static void careers_release(struct careers *careers) {
    free(careers->spells);
    free(careers->entry);
}

/* The member's first spell at the company, NULL for none; *count gets how many there are. */
static const struct spell *spells_at(const struct careers *careers, uint64_t member,
                                     uint64_t company, size_t *count) {
    const struct spell *first = NULL;
    *count = 0;
    for (size_t i = 0; i < careers->count; i++) {
        const struct spell *spell = &careers->spells[i];
        if (spell->member == member && spell->company == company) {
            first = first == NULL ? spell : first;
            ++*count;
        }
    }
    return first;
}

/* Rules 2 and 3 of the preset `default`. */
static bool carries(const struct spell *spell, struct unit s) {
    return spell->start.hi_ms <= s.lo_ms && spell->start.lo_ms + 365 * DAY_MS <= s.lo_ms &&
           spell->end.hi_ms > s.lo_ms;
}

/* The planted move is the mover's first start there, and the tie carries it. */
static void assert_transmits(const struct careers *careers, const struct graph *graph,
                             const struct fact *planted) {
    uint64_t mover = planted->value[PLANTED_MOVER];
    uint64_t contact = planted->value[PLANTED_CONTACT];
    size_t count;
    const struct spell *move = spells_at(careers, mover, planted->value[PLANTED_COMPANY], &count);
    assert_non_null(move);
    struct unit s = move->start;
    int64_t at_ms = (int64_t)planted->value[PLANTED_AT];
    assert_true(s.lo_ms <= at_ms && at_ms < s.hi_ms);
    assert_true(careers->entry[mover].hi_ms <= s.lo_ms);
    size_t pair = pair_of(graph, mover - 1, contact - 1);
    assert_true(graph->made_ms[pair] + 30 * DAY_MS <= s.lo_ms);
    assert_true(graph->ended_ms[pair] >= s.lo_ms);
    assert_int_equal(graph->mutual[pair], planted->value[PLANTED_MUTUAL]);
    const struct spell *held = spells_at(careers, contact, planted->value[PLANTED_COMPANY], &count);
    bool is_carried = false;
    for (size_t i = 0; i < count; i++) {
        is_carried = is_carried || carries(&held[i], s);
    }
    assert_true(is_carried);
}

/* Plays the events up to each planted move: its tie must hold then. */
static void assert_all_transmit(const struct labour_options *options, size_t least) {
    struct world world = world_make(options);
    struct careers careers = careers_read(&world);
    struct graph graph = graph_make(options->study.members);
    size_t at = 0;
    for (size_t i = 0; i < world.planted.count; i++) {
        const struct fact *planted = &world.planted.facts[i];
        while (at < world.event_count &&
               world.events[at].at_ms <= (int64_t)planted->value[PLANTED_AT]) {
            event_apply(&graph, &world.events[at++]);
        }
        assert_transmits(&careers, &graph, planted);
    }
    assert_true(world.planted.count >= least);
    graph_release(&graph);
    careers_release(&careers);
    world_release(&world);
}

static void every_planted_move_is_a_transmission_of_its_tie(void **state) {
    (void)state;
    struct labour_options options = small_options(6000, 300);
    for (options.study.seed = 0; options.study.seed < 6; options.study.seed++) {
        options.coarse_share = (double)options.study.seed / 5.0;
        options.hazard = options.study.seed % 2 == 0 ? HAZARD_FLAT : HAZARD_INVERTED_U;
        assert_all_transmit(&options, 100);
    }
}

static void careers_hold_what_real_ones_hold(void **state) {
    (void)state;
    struct labour_options options = small_options(20000, 2000);
    options.study.wart_share = 0.02;
    options.moves_per_year = 0.5;
    struct world world = world_make(&options);
    struct careers careers = careers_read(&world);
    size_t before_records = 0;
    size_t rehires = 0;
    size_t overlaps = 0;
    size_t coarse[3] = {0};
    for (size_t i = 0; i < careers.count; i++) {
        const struct spell *spell = &careers.spells[i];
        before_records += spell->start.lo_ms < 0;
        if (i > 0 && spell[-1].member == spell->member) {
            rehires += spell[-1].company == spell->company;
            overlaps += spell[-1].start.lo_ms < spell->end.lo_ms &&
                        spell->start.lo_ms < spell[-1].end.lo_ms;
        }
    }
    const struct fact_list *positions = &world.facts[FACT_POSITIONS];
    for (size_t i = 0; i < positions->count; i++) {
        coarse[positions->facts[i].value[POSITION_PRECISION]]++;
    }
    assert_int_equal(rehires, labour_truth(world.labour)->rehires);
    assert_true(rehires > 5);
    assert_true(overlaps > 100);
    assert_true(before_records > 10);
    assert_true(careers.orphans > 10);
    assert_true(careers.malformed > 10);
    assert_true(fabs((double)coarse[PRECISION_MONTH] / (double)positions->count - 0.24) < 0.03);
    assert_true(fabs((double)coarse[PRECISION_YEAR] / (double)positions->count - 0.06) < 0.02);
    careers_release(&careers);
    world_release(&world);
}

static void without_warts_no_position_is_odd(void **state) {
    (void)state;
    struct labour_options options = small_options(20000, 2000);
    options.study.wart_share = 0.0;
    struct world world = world_make(&options);
    struct careers careers = careers_read(&world);
    assert_int_equal(careers.orphans, 0);
    assert_int_equal(careers.malformed, 0);
    careers_release(&careers);
    world_release(&world);
}

/* ---- rates ---- */

struct tally {
    double side_years; /* at risk */
    size_t sides;
    size_t moves; /* that a tie could have carried */
};

/* Whether a spell of the contact puts the mover at risk on the day. */
static bool at_risk(const struct careers *careers, const size_t *first, uint64_t mover,
                    uint64_t contact, struct unit s) {
    for (size_t i = first[contact]; i < first[contact + 1]; i++) {
        if (!carries(&careers->spells[i], s)) {
            continue;
        }
        bool has_been = false;
        for (size_t k = first[mover]; k < first[mover + 1]; k++) {
            has_been = has_been || (careers->spells[k].company == careers->spells[i].company &&
                                    careers->spells[k].start.lo_ms < s.lo_ms);
        }
        if (!has_been) {
            return true;
        }
    }
    return false;
}

/* Counts, for every tenth day and both sides of every tie, those at risk. */
static double side_years(const struct world *world, const struct careers *careers) {
    enum { STEP_DAYS = 10 };
    size_t members = world->options.study.members;
    size_t *first = calloc(members + 2, sizeof *first);
    assert_non_null(first);
    for (size_t i = careers->count; i-- > 0;) {
        first[careers->spells[i].member] = i;
    }
    first[members + 1] = careers->count;
    for (size_t i = members; i > 0; i--) {
        bool has_any = first[i] < careers->count && careers->spells[first[i]].member == i;
        first[i] = has_any ? first[i] : first[i + 1];
    }
    int64_t end_ms = world->options.study.start_ms + world->options.study.span_ms;
    double days = 0;
    for (size_t i = 0; i < world->event_count; i++) {
        const struct event *event = &world->events[i];
        int64_t day_ms = date_day_start(event->at_ms + 31 * DAY_MS);
        for (; day_ms < end_ms; day_ms += STEP_DAYS * DAY_MS) {
            struct unit s = {day_ms, day_ms + DAY_MS};
            for (int side = 0; side < 2; side++) {
                uint64_t mover = side == 0 ? event->from.v : event->to.v;
                uint64_t contact = side == 0 ? event->to.v : event->from.v;
                days += careers->entry[mover].hi_ms <= day_ms &&
                                at_risk(careers, first, mover, contact, s)
                            ? STEP_DAYS
                            : 0;
            }
        }
    }
    free(first);
    return days / 365.0;
}

static void the_planted_rate_is_the_one_asked_for(void **state) {
    (void)state;
    struct labour_options options = small_options(8000, 1000);
    options.study.disconnect_share = 0.0;
    options.study.wart_share = 0.0;
    options.coarse_share = 0.0;
    options.hazard = HAZARD_FLAT;
    options.hazard_per_year = 0.03;
    struct world world = world_make(&options);
    struct careers careers = careers_read(&world);
    double expected = options.hazard_per_year * side_years(&world, &careers);
    double planted = (double)labour_truth(world.labour)->moves_planted;
    assert_true(expected > 300.0);
    assert_true(fabs(planted - expected) < 4.0 * sqrt(expected));
    careers_release(&careers);
    world_release(&world);
}

static void planted_moves_follow_the_curve(void **state) {
    (void)state;
    struct labour_options options = small_options(30000, 1000);
    double shares[HAZARD_SHAPES][2];
    for (options.hazard = HAZARD_NONE; options.hazard < HAZARD_SHAPES; options.hazard++) {
        struct world world = world_make(&options);
        const struct labour_truth *truth = labour_truth(world.labour);
        uint64_t ties[2] = {0};
        uint64_t planted[2] = {0};
        for (size_t mutual = 0; mutual < truth->mutual_count; mutual++) {
            int bin = mutual < 2 ? 0 : 1;
            bool counts = mutual < 2 || (mutual >= 8 && mutual < 13);
            ties[bin] += counts ? truth->ties_by_mutual[mutual] : 0;
            planted[bin] += counts ? truth->planted_by_mutual[mutual] : 0;
        }
        for (int bin = 0; bin < 2; bin++) {
            shares[options.hazard][bin] = (double)planted[bin] / (double)ties[bin];
        }
        assert_int_equal(truth->moves_planted > 0, options.hazard != HAZARD_NONE);
        world_release(&world);
    }
    assert_true(shares[HAZARD_INVERTED_U][1] > 10 * shares[HAZARD_INVERTED_U][0]);
    assert_true(shares[HAZARD_FALLING][0] > 1.5 * shares[HAZARD_FALLING][1]);
    double ratio = shares[HAZARD_FLAT][0] / shares[HAZARD_FLAT][1];
    assert_true(ratio > 0.6 && ratio < 1.6);
}

static void without_hazard_and_chance_nobody_moves(void **state) {
    (void)state;
    struct labour_options options = small_options(5000, 500);
    options.hazard = HAZARD_NONE;
    options.moves_per_year = 0.0;
    options.interactions_per_year = 0.0;
    options.applications_per_year = 0.0;
    struct world world = world_make(&options);
    const struct fact_list *positions = &world.facts[FACT_POSITIONS];
    for (size_t i = 0; i < positions->count; i++) {
        /* who enters the labour market */
        assert_true((int64_t)positions->facts[i].value[POSITION_AT] < options.study.start_ms ||
                    positions->facts[i].value[POSITION_KIND] == POSITION_START);
    }
    assert_int_equal(world.facts[FACT_INTERACTIONS].count, 0);
    assert_int_equal(world.facts[FACT_APPLICATIONS].count, 0);
    assert_int_equal(world.planted.count, 0);
    world_release(&world);
}

static void the_last_variant_closes_more_triangles_once_the_experiment_runs(void **state) {
    (void)state;
    struct labour_options options = small_options(60000, 3000);
    options.study.variants = 3;
    options.study.variant_closure = 2.0;
    struct world world = world_make(&options);
    const struct fact_list *assignments = &world.facts[FACT_ASSIGNMENTS];
    assert_int_equal(assignments->count, options.study.members);
    uint64_t members[3] = {0};
    uint64_t ties[2][3] = {{0}};
    uint64_t recommended[2][3] = {{0}};
    for (size_t i = 0; i < assignments->count; i++) {
        assert_true((int64_t)assignments->facts[i].value[ASSIGNMENT_AT] ==
                    options.study.variant_from_ms);
        members[assignments->facts[i].value[ASSIGNMENT_VARIANT]]++;
    }
    for (size_t i = 0; i < world.event_count; i++) {
        const struct event *event = &world.events[i];
        uint64_t variant = assignments->facts[event->from.v - 1].value[ASSIGNMENT_VARIANT];
        int after = event->at_ms >= options.study.variant_from_ms;
        ties[after][variant]++;
        recommended[after][variant] += event->origin == ORIGIN_RECOMMENDED;
    }
    double share[2][3];
    for (int variant = 0; variant < 3; variant++) {
        assert_true(fabs((double)members[variant] - 1000.0) < 130.0);
        for (int after = 0; after < 2; after++) {
            share[after][variant] =
                (double)recommended[after][variant] / (double)ties[after][variant];
        }
    }
    assert_true(fabs(share[0][2] - share[0][0]) < 0.06);
    assert_true(share[1][1] > share[1][0] + 0.05);
    assert_true(share[1][2] > share[1][1] + 0.05);
    world_release(&world);
}

/* ---- what is refused ---- */

static void refused(struct labour_options options, const char *part) {
    struct labour *labour = NULL;
    MUST_FAIL(labour_new(&labour, &options, &err), FAILURE_USAGE, part);
    assert_null(labour);
}

static void options_that_mean_nothing_are_refused(void **state) {
    (void)state;
    const double numbers[] = {-0.1, (double)NAN, (double)INFINITY};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct labour_options options = small_options(100, 50);
        double *const fields[] = {&options.hazard_per_year,       &options.moves_per_year,
                                  &options.interactions_per_year, &options.applications_per_year,
                                  &options.coarse_share,          &options.merger_share,
                                  &options.unknown_share};
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            double usual = *fields[k];
            *fields[k] = numbers[i];
            refused(options, "careers: the");
            *fields[k] = usual;
        }
    }
    struct labour_options options = small_options(100, 50);
    options.study.start_ms = 0;
    refused(options, "after 1970-01-01");
    options = small_options(100, 50);
    options.study.span_ms = LIMIT_TIME_MAX_MS - options.study.start_ms;
    refused(options, "before the year 9998");
    options = small_options(5000, 50);
    refused(options, "pairs");
    options = small_options(100, 50);
    options.study.variants = 0;
    refused(options, "0 variants");
    options = small_options(100, 50);
    options.study.employer_skew = 0;
    refused(options, "a skew of 0");
}

static void the_smallest_and_the_earliest_world_end(void **state) {
    (void)state;
    struct labour_options options = small_options(1, 2);
    options.study.employer_size = 1;
    struct world world = world_make(&options);
    assert_true(world.event_count >= 1);
    assert_int_equal(world.facts[FACT_COMPANIES].count, 3);
    world_release(&world);
    options = small_options(2000, 200);
    options.study.start_ms = 1;
    options.hazard = HAZARD_FLAT;
    assert_all_transmit(&options, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_options_give_the_same_world),
        cmocka_unit_test(every_log_has_records_that_fit_in_time_order),
        cmocka_unit_test(the_truth_knows_the_embeddedness_of_every_tie),
        cmocka_unit_test(it_knows_it_where_ties_crowd_into_one_instant),
        cmocka_unit_test(every_planted_move_is_a_transmission_of_its_tie),
        cmocka_unit_test(careers_hold_what_real_ones_hold),
        cmocka_unit_test(without_warts_no_position_is_odd),
        cmocka_unit_test(the_planted_rate_is_the_one_asked_for),
        cmocka_unit_test(planted_moves_follow_the_curve),
        cmocka_unit_test(without_hazard_and_chance_nobody_moves),
        cmocka_unit_test(the_last_variant_closes_more_triangles_once_the_experiment_runs),
        cmocka_unit_test(options_that_mean_nothing_are_refused),
        cmocka_unit_test(the_smallest_and_the_earliest_world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
