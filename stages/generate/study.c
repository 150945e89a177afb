/* The model
 *
 * Members are numbered by the order in which they join. A fifth is there at the start, the rest
 * join evenly (by ties made) to the end of the span; they come sooner where those present would
 * otherwise be tied to half of one another.
 *
 * A member has an activity (lognormal, sigma 1.2) and one group of each kind: employer, past
 * employer, school, region. Group sizes follow a power law: a member's group is number
 * count * u^k for uniform u, which gives sizes ~ rank^-(1 - 1/k).
 *
 * Each tie: the ego, who is the inviter, is drawn by activity among those who have joined. With
 * probability `closure` the alter is a random neighbour of a random neighbour, else a member of one
 * of the ego's groups (group_rules: the employer most often), the more active of two drawn at
 * random, or now and then anybody. Drawn again where the two are one, are tied, or have no room: a
 * few times for one ego, then for other egos, then closure is given up, and at last the pairs are
 * gone through in order, so that no graph that study_new admits can keep it from ending.
 *
 * Times: every block of TIMES_PER_BLOCK ties takes an equal part of the span, and its ties fall
 * uniformly inside: a Poisson process but for the count per block. All other events fall between
 * two ties. An ending comes at least a millisecond after the connect before it, for otherwise the
 * strict order, disconnects first, would make an orphan of it and keep the tie.
 *
 * Rows hold neighbours as u32, unordered, 8 bytes per tie and a slack of a tenth. Whether a pair is
 * tied is found by scanning the shorter row: a third of the run time. Rejected: a hash of pairs,
 * which would more than double the memory to trade a sequential read for a random one.
 *
 * Everything that decides is integer arithmetic or a comparison of doubles: exp, log and pow
 * differ between libraries in the last bit, and one bit changes all that follows. Hence the draws
 * of member_draws.h.
 */
#include "stages/generate/study.h"

#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/generate/member_draws.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_PARTS = 5,            /* one member in START_PARTS is there at the start */
    EGO_TRIES = 16,             /* egos drawn before the pairs are gone through */
    ALTER_TRIES = 4,            /* alters drawn per ego */
    PAIR_TRIES = 16,            /* draws of a pair for an ending or a wart */
    TIMES_PER_BLOCK = 64,       /* sorted by insertion: keep it small */
    REMAKE_ONE_IN = 4,          /* endings that are taken back later */
    LAPSED_TIES_PER_SLOT = 256, /* a pair is re-made after a 256th of all ties, on average, */
    LAPSED_SLOTS_MIN = 16,      /* but after no fewer ties than this */
    LAPSED_SLOTS_MAX = 1 << 20, /* and no more than this: 8 MiB */
    SCAN_STEP = 32,             /* row entries compared at once */
    EMPLOYER_SKEW_MAX = 16,
    VARIANT_CLOSURE_MAX = 1000,
};

#define DEFAULT_START_MS INT64_C(1420070400000) /* 2015-01-01 */
#define DEFAULT_SPAN_MS (1826 * DAY_MS)         /* to 2019-12-31 */

/* What every try reads of both its members, kept apart from what it reads of one: four to a cache
 * line. */
struct node {
    uint32_t *row; /* neighbours, unordered; owned */
    uint32_t degree;
    uint32_t capacity;
};

/* The kinds of groups that are drawn come first, in the order of their rules. */
_Static_assert(EMPLOYER == (int)DRAWN_EMPLOYER && PAST_EMPLOYER == (int)DRAWN_PAST_EMPLOYER &&
                   SCHOOL == (int)DRAWN_SCHOOL && REGION == (int)DRAWN_REGION &&
                   FIELD == (int)DRAWN_KINDS,
               "the groups of a study are those of member_draws.h, and the field");

struct circles {
    uint32_t group[DRAWN_KINDS];
};

/* All groups of one kind. The members of group g are members[first[g] .. first[g + 1]) in the order
 * in which they join, so that those who have joined are the first joined[g] of them. */
struct groups {
    uint32_t count;
    uint32_t *first;
    uint32_t *joined;
    uint32_t *members;
};

/* An ended tie that is to be made again; a = b where the slot is free. */
struct lapsed {
    uint32_t a;
    uint32_t b;
};

struct study {
    struct study_options options;
    uint32_t members;
    uint32_t degree_max; /* at most members - 1 */
    struct random random;
    struct random clock;
    uint64_t id_key;
    uint64_t group_key;
    uint64_t variant_key;
    int kinds; /* of groups: FIELD is one only with homophily */
    uint32_t draws[GROUP_KINDS];

    struct node *nodes;
    struct circles *circles;
    uint32_t *activity;
    struct groups groups[GROUP_KINDS];
    uint64_t *activity_to; /* [i]: the activities of members 0..i, added up */
    uint32_t *guide;       /* [b]: the first i with activity_to[i] > b << guide_shift */
    unsigned guide_shift;
    uint64_t *marks; /* a bit per member; all clear between searches */
    uint32_t joined;

    struct lapsed *lapsed;
    uint64_t lapsed_slots;

    int64_t times_ms[TIMES_PER_BLOCK]; /* of ties times_first .. + TIMES_PER_BLOCK */
    uint64_t times_first;
    int64_t now_ms;          /* of the latest event */
    int64_t last_connect_ms; /* of the latest connect of any kind */

    uint64_t made; /* ties made */
    uint64_t live; /* ties that have not ended */
    uint64_t endings_owed;
    bool endings_tried; /* since the latest tie: none could be found */
    bool wart_owed;
    enum study_change latest;
    uint32_t latest_from;
    uint32_t latest_to;
};

/* ---- options ---- */

struct study_options study_defaults(uint64_t ties, double mean_degree) {
    double members = mean_degree > 0 ? 2.0 * (double)ties / mean_degree + 0.5 : 0.0;
    if (members > (double)LIMIT_NODES) {
        members = (double)LIMIT_NODES;
    }
    return (struct study_options){
        .seed = 1,
        .ties = ties,
        .members = (uint64_t)members,
        .start_ms = DEFAULT_START_MS,
        .span_ms = DEFAULT_SPAN_MS,
        .closure = 0.3,
        .degree_max = 30000,
        .disconnect_share = 0.01,
        .wart_share = 0.001,
        .ids_are_random = true,
        .employer_size = group_rules[EMPLOYER].size,
        .employer_skew = group_rules[EMPLOYER].power,
        .coworkers = 0.55,
        .variants = 1,
    };
}

static struct status share_check(const char *name, double share, struct err *err) {
    if (!(share >= 0.0 && share <= 1.0)) {
        return err_set(err, FAILURE_USAGE, "study: %s is %g; give a share from 0 to 1", name,
                       share);
    }
    return status_ok();
}

static struct status times_check(const struct study_options *options, struct err *err) {
    if (!event_time_is_valid(options->start_ms)) {
        return err_set(err, FAILURE_USAGE,
                       "study: start %" PRId64 " ms is not within the years 1 to 9999",
                       options->start_ms);
    }
    if (options->span_ms < 1 || options->span_ms > LIMIT_TIME_MAX_MS - options->start_ms) {
        return err_set(err, FAILURE_USAGE,
                       "study: span %" PRId64
                       " ms; give at least 1, and no more than ends before the year 10000",
                       options->span_ms);
    }
    return status_ok();
}

/* Refuses what the pairs or degree_max might not hold.
 *
 * Where degree_max d is below n - 1, ties made in any order can only get stuck when the k members
 * who have room are all tied to one another. Each of them then lacks at most d - (k - 1) ties, all
 * together at most k (d - k + 1) <= (d + 1)^2 / 4, so 2 ties >= n d - (d + 1)^2 / 4: with fewer
 * ties than that another one can always be made. */
static struct status ties_check(const struct study_options *options, struct err *err) {
    uint64_t n = options->members;
    uint64_t d = options->degree_max;
    uint64_t pairs = n * (n - 1) / 2;
    if (options->ties < 1 || options->ties > pairs) {
        return err_set(err, FAILURE_USAGE,
                       "study: %" PRIu64 " ties between %" PRIu64 " members, who have %" PRIu64
                       " pairs; give from 1 to that many ties, or a smaller mean degree",
                       options->ties, n, pairs);
    }
    if (d < 1 || (d < n - 1 && 2 * (options->ties - 1) >= n * d - (d + 1) * (d + 1) / 4)) {
        return err_set(err, FAILURE_USAGE,
                       "study: a degree of at most %" PRIu64 " leaves no room for %" PRIu64
                       " ties between %" PRIu64 " members; raise it or give more members",
                       d, options->ties, n);
    }
    return status_ok();
}

static struct status groups_check(const struct study_options *options, struct err *err) {
    if (options->regions > UINT32_MAX / STUDY_INDUSTRIES) {
        return err_set(err, FAILURE_USAGE, "study: %" PRIu32 " regions; give at most %" PRIu32,
                       options->regions, UINT32_MAX / STUDY_INDUSTRIES);
    }
    if (options->employer_size < 1 || options->employer_skew < 1 ||
        options->employer_skew > EMPLOYER_SKEW_MAX) {
        return err_set(err, FAILURE_USAGE,
                       "study: employers of %" PRIu32 " members with a skew of %" PRIu32
                       "; give at least 1 member, and a skew from 1 to %d",
                       options->employer_size, options->employer_skew, EMPLOYER_SKEW_MAX);
    }
    if (options->variants < 1 || !(options->variant_closure >= -1.0) ||
        !(options->variant_closure <= VARIANT_CLOSURE_MAX)) {
        return err_set(err, FAILURE_USAGE,
                       "study: %" PRIu32 " variants that shift closure by up to %g; give at least "
                       "1 variant, and a shift from -1 to %d",
                       options->variants, options->variant_closure, VARIANT_CLOSURE_MAX);
    }
    return status_ok();
}

static struct status options_check(const struct study_options *options, struct err *err) {
    if (options->members < 2 || options->members > LIMIT_NODES) {
        return err_set(err, FAILURE_USAGE,
                       "study: %" PRIu64 " members; give from 2 to %" PRIu32
                       " (the mean degree is 2 * ties / members)",
                       options->members, LIMIT_NODES);
    }
    TRY(share_check("closure", options->closure, err));
    TRY(share_check("the share of disconnects", options->disconnect_share, err));
    TRY(share_check("the share of warts", options->wart_share, err));
    TRY(share_check("the share of coworkers", options->coworkers, err));
    TRY(share_check("homophily", options->homophily, err));
    TRY(groups_check(options, err));
    TRY(times_check(options, err));
    return ties_check(options, err);
}

/* ---- members, groups and activity ---- */

static uint32_t group_draw(struct random *random, uint32_t count, uint32_t power) {
    return group_number((uint32_t)(random_u64(random) >> 32), count, power);
}

static struct status array_new(void *array_out, size_t count, size_t item_bytes, const char *what,
                               struct err *err) {
    assert(count > 0);
    void *array = calloc(count, item_bytes);
    if (array == NULL) {
        return err_memory(err, (unsigned long long)count * item_bytes, what);
    }
    memcpy(array_out, &array, sizeof array);
    return status_ok();
}

/* How often each kind is asked: the employers by `coworkers`, in the proportion of group_rules; of
 * the rest `homophily` goes to the field, and what remains keeps its proportions. */
static void draws_settle(struct study *study) {
    const uint32_t usual = group_rules[EMPLOYER].draws + group_rules[PAST_EMPLOYER].draws;
    uint32_t asked = (uint32_t)(study->options.coworkers * GROUP_DRAWS + 0.5);
    uint32_t field = (uint32_t)(study->options.homophily * (GROUP_DRAWS - asked) + 0.5);
    uint32_t rest = GROUP_DRAWS - asked - field;
    study->draws[EMPLOYER] = asked * group_rules[EMPLOYER].draws / usual;
    study->draws[PAST_EMPLOYER] = asked - study->draws[EMPLOYER];
    study->draws[SCHOOL] = rest * group_rules[SCHOOL].draws / (GROUP_DRAWS - usual);
    study->draws[REGION] = rest * group_rules[REGION].draws / (GROUP_DRAWS - usual);
    study->draws[FIELD] = field;
    study->kinds = study->options.homophily > 0.0 ? GROUP_KINDS : FIELD;
}

uint32_t study_industry_of(const struct study *study, uint32_t employer) {
    return (uint32_t)(random_mix(study->group_key + employer) % STUDY_INDUSTRIES);
}

/* Where the employer is: drawn as members' regions are. */
static uint32_t employer_region(const struct study *study, uint32_t employer) {
    struct random random;
    random_seed(&random, random_mix(study->group_key - 1 - employer));
    return group_draw(&random, study->groups[REGION].count, group_rules[REGION].power);
}

uint32_t study_group_of(const struct study *study, uint32_t member, enum study_group kind) {
    const uint32_t *group = study->circles[member].group;
    if (kind != FIELD) {
        return group[kind];
    }
    return study_industry_of(study, group[EMPLOYER]) * study->groups[REGION].count + group[REGION];
}

/* Sorts the members into the groups of one kind by counting. */
static struct status groups_fill(struct study *study, enum study_group kind, struct err *err) {
    struct groups *groups = &study->groups[kind];
    TRY(array_new(&groups->first, (size_t)groups->count + 1, sizeof *groups->first, "groups", err));
    TRY(array_new(&groups->joined, groups->count, sizeof *groups->joined, "groups", err));
    TRY(array_new(&groups->members, study->members, sizeof *groups->members, "groups", err));
    for (uint32_t i = 0; i < study->members; i++) {
        groups->first[study_group_of(study, i, kind) + 1]++;
    }
    for (uint32_t g = 0; g < groups->count; g++) {
        groups->first[g + 1] += groups->first[g];
    }
    for (uint32_t i = 0; i < study->members; i++) {
        uint32_t g = study_group_of(study, i, kind);
        groups->members[groups->first[g] + groups->joined[g]++] = i;
    }
    memset(groups->joined, 0, groups->count * sizeof *groups->joined);
    return status_ok();
}

static struct status activity_index(struct study *study, struct err *err) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < study->members; i++) {
        sum += study->activity[i];
        study->activity_to[i] = sum;
    }
    while (sum >> study->guide_shift > study->members) {
        study->guide_shift++;
    }
    size_t buckets = (size_t)(sum >> study->guide_shift) + 1;
    TRY(array_new(&study->guide, buckets, sizeof *study->guide, "members", err));
    uint32_t i = 0;
    for (size_t b = 0; b < buckets; b++) {
        while (i < study->members - 1 && study->activity_to[i] <= (uint64_t)b
                                                                      << study->guide_shift) {
            i++;
        }
        study->guide[b] = i;
    }
    return status_ok();
}

static void groups_count(struct study *study) {
    for (int kind = 0; kind < DRAWN_KINDS; kind++) {
        uint32_t size = kind == EMPLOYER ? study->options.employer_size : group_rules[kind].size;
        study->groups[kind].count = study->members / size + 1;
    }
    if (study->options.regions > 0) {
        study->groups[REGION].count = study->options.regions;
    }
    study->groups[FIELD].count = STUDY_INDUSTRIES * study->groups[REGION].count;
}

static void circles_draw(const struct study *study, struct circles *circles,
                         struct random *random) {
    for (int kind = 0; kind < DRAWN_KINDS; kind++) {
        uint32_t power = kind == EMPLOYER ? study->options.employer_skew : group_rules[kind].power;
        circles->group[kind] = group_draw(random, study->groups[kind].count, power);
    }
    if (study->options.homophily > 0.0 && random_unit(random) < study->options.homophily) {
        circles->group[REGION] = employer_region(study, circles->group[EMPLOYER]);
    }
}

static struct status population_make(struct study *study, struct err *err) {
    struct random random;
    random_seed(&random, random_mix(study->options.seed));
    TRY(array_new(&study->nodes, study->members, sizeof *study->nodes, "members", err));
    TRY(array_new(&study->circles, study->members, sizeof *study->circles, "members", err));
    TRY(array_new(&study->activity, study->members, sizeof *study->activity, "members", err));
    TRY(array_new(&study->activity_to, study->members, sizeof *study->activity_to, "members", err));
    TRY(array_new(&study->marks, study->members / 64 + 1, sizeof *study->marks, "members", err));
    groups_count(study);
    for (uint32_t i = 0; i < study->members; i++) {
        study->activity[i] = activity_draw(&random);
        circles_draw(study, &study->circles[i], &random);
    }
    for (int kind = 0; kind < study->kinds; kind++) {
        TRY(groups_fill(study, (enum study_group)kind, err));
    }
    return activity_index(study, err);
}

static void member_join(struct study *study) {
    uint32_t member = study->joined++;
    for (int kind = 0; kind < study->kinds; kind++) {
        study->groups[kind].joined[study_group_of(study, member, (enum study_group)kind)]++;
    }
}

/* Lets everybody in who is due by the tie that comes next. */
static void members_join(struct study *study) {
    uint32_t present = study->members / START_PARTS;
    uint32_t due = present + (uint32_t)((unsigned __int128)(study->members - present) *
                                        (study->made + 1) / study->options.ties);
    while (study->joined < study->members &&
           (study->joined < 2 || study->joined < due ||
            4 * study->live > (uint64_t)study->joined * (study->joined - 1))) {
        member_join(study);
    }
}

/* A member who has joined, by activity. */
static uint32_t ego_draw(struct study *study) {
    uint64_t at = random_below(&study->random, study->activity_to[study->joined - 1]);
    uint32_t i = study->guide[at >> study->guide_shift];
    while (study->activity_to[i] <= at) {
        i++;
    }
    return i;
}

/* ---- rows ---- */

static bool row_holds(const struct node *node, uint32_t member) {
    const uint32_t *row = node->row;
    uint32_t i = 0;
    for (; i + SCAN_STEP <= node->degree; i += SCAN_STEP) {
        uint32_t found = 0;
        for (uint32_t k = 0; k < SCAN_STEP; k++) {
            found |= row[i + k] == member;
        }
        if (found) {
            return true;
        }
    }
    for (; i < node->degree; i++) {
        if (row[i] == member) {
            return true;
        }
    }
    return false;
}

static bool is_tied(const struct study *study, uint32_t a, uint32_t b) {
    const struct node *node_a = &study->nodes[a];
    const struct node *node_b = &study->nodes[b];
    return node_a->degree < node_b->degree ? row_holds(node_a, b) : row_holds(node_b, a);
}

static bool has_room(const struct study *study, uint32_t member) {
    return study->nodes[member].degree < study->degree_max;
}

static bool can_tie(const struct study *study, uint32_t a, uint32_t b) {
    return a != b && has_room(study, a) && has_room(study, b) && !is_tied(study, a, b);
}

/* Grows by a quarter: the slack is a tenth on average, for some twenty moves of a row. */
static struct status row_reserve(struct node *node, struct err *err) {
    if (node->degree < node->capacity) {
        return status_ok();
    }
    uint32_t capacity = node->capacity + node->capacity / 4 + 4;
    uint32_t *row = realloc(node->row, capacity * sizeof *row);
    if (row == NULL) {
        return err_memory(err, capacity * sizeof *row, "the study's adjacency");
    }
    node->row = row;
    node->capacity = capacity;
    return status_ok();
}

static void row_remove(struct node *node, uint32_t member) {
    uint32_t i = 0;
    while (node->row[i] != member) {
        i++;
    }
    node->row[i] = node->row[--node->degree];
}

static struct status tie_add(struct study *study, uint32_t a, uint32_t b, struct err *err) {
    struct node *node_a = &study->nodes[a];
    struct node *node_b = &study->nodes[b];
    TRY(row_reserve(node_a, err));
    TRY(row_reserve(node_b, err));
    node_a->row[node_a->degree++] = b;
    node_b->row[node_b->degree++] = a;
    study->live++;
    return status_ok();
}

static void tie_remove(struct study *study, uint32_t a, uint32_t b) {
    row_remove(&study->nodes[a], b);
    row_remove(&study->nodes[b], a);
    study->live--;
}

/* ---- times ---- */

/* Where the part of the span that begins with this tie begins. */
static int64_t block_start(const struct study *study, uint64_t tie) {
    uint64_t offset =
        (uint64_t)((unsigned __int128)(uint64_t)study->options.span_ms * tie / study->options.ties);
    return study->options.start_ms + (int64_t)offset;
}

static void times_fill(struct study *study, uint64_t first) {
    uint64_t left = study->options.ties - first;
    uint64_t count = left < TIMES_PER_BLOCK ? left : TIMES_PER_BLOCK;
    int64_t low = block_start(study, first);
    uint64_t width = (uint64_t)(block_start(study, first + count) - low);
    for (uint64_t i = 0; i < count; i++) {
        int64_t at = low + (width == 0 ? 0 : (int64_t)random_below(&study->clock, width));
        uint64_t k = i;
        for (; k > 0 && study->times_ms[k - 1] > at; k--) {
            study->times_ms[k] = study->times_ms[k - 1];
        }
        study->times_ms[k] = at;
    }
    study->times_first = first;
}

/* The time of the tie that comes next, or the last millisecond of the span. */
static int64_t next_tie_ms(struct study *study) {
    if (study->made == study->options.ties) {
        return study->options.start_ms + study->options.span_ms - 1;
    }
    if (study->made - study->times_first >= TIMES_PER_BLOCK) {
        times_fill(study, study->made);
    }
    return study->times_ms[study->made - study->times_first];
}

/* ---- who ties with whom ---- */

static uint32_t neighbour_draw(struct study *study, uint32_t member) {
    const struct node *node = &study->nodes[member];
    return node->row[random_below(&study->random, node->degree)];
}

/* One of the ego's groups' members who have joined; anybody where the ego is alone there. */
static uint32_t acquaintance_draw(struct study *study, uint32_t ego) {
    uint64_t draw = random_below(&study->random, GROUP_DRAWS);
    for (int kind = 0; kind < study->kinds; kind++) {
        if (draw >= study->draws[kind]) {
            draw -= study->draws[kind];
            continue;
        }
        const struct groups *groups = &study->groups[kind];
        uint32_t g = study_group_of(study, ego, (enum study_group)kind);
        const uint32_t *members = groups->members + groups->first[g];
        uint32_t a = members[random_below(&study->random, groups->joined[g])];
        uint32_t b = members[random_below(&study->random, groups->joined[g])];
        return study->activity[a] < study->activity[b] ? b : a;
    }
    return (uint32_t)random_below(&study->random, study->joined);
}

uint32_t study_variant_of(const struct study *study, uint32_t member) {
    return (uint32_t)(random_mix(study->variant_key + member) % study->options.variants);
}

/* Of ties that the ego invites to, next. */
static double closure_of(struct study *study, uint32_t ego) {
    const struct study_options *options = &study->options;
    if (options->variants < 2 || next_tie_ms(study) < options->variant_from_ms) {
        return options->closure;
    }
    double step = (double)study_variant_of(study, ego) / (double)(options->variants - 1);
    return options->closure * (1.0 + options->variant_closure * step);
}

/* Draws until a pair can tie; false where the draws run out. */
static bool pair_draw(struct study *study, uint32_t *ego, uint32_t *alter, bool *closing) {
    double draw = random_unit(&study->random);
    for (int i = 0; i < EGO_TRIES; i++) {
        *ego = ego_draw(study);
        *closing =
            draw < closure_of(study, *ego) && i < EGO_TRIES / 2 && study->nodes[*ego].degree > 0;
        for (int k = 0; k < ALTER_TRIES; k++) {
            *alter = *closing ? neighbour_draw(study, neighbour_draw(study, *ego))
                              : acquaintance_draw(study, *ego);
            if (can_tie(study, *ego, *alter)) {
                return true;
            }
        }
    }
    return false;
}

static void mark_flip(struct study *study, uint32_t member) {
    study->marks[member / 64] ^= UINT64_C(1) << member % 64;
}

static void marks_flip(struct study *study, uint32_t ego) {
    mark_flip(study, ego);
    for (uint32_t i = 0; i < study->nodes[ego].degree; i++) {
        mark_flip(study, study->nodes[ego].row[i]);
    }
}

/* Finds somebody, from a random place on, with whom the ego can tie; false where nobody can. */
static bool alter_find(struct study *study, uint32_t ego, uint32_t *alter) {
    if (!has_room(study, ego) || study->nodes[ego].degree == study->joined - 1) {
        return false;
    }
    marks_flip(study, ego);
    bool found = false;
    *alter = (uint32_t)random_below(&study->random, study->joined);
    for (uint32_t left = study->joined; left > 0 && !found; left--) {
        *alter = *alter + 1 < study->joined ? *alter + 1 : 0;
        found = (study->marks[*alter / 64] >> *alter % 64 & 1) == 0 && has_room(study, *alter);
    }
    marks_flip(study, ego);
    return found;
}

/* Goes through the pairs, from *ego on; where all who have joined are stuck, others join. */
static void pair_find(struct study *study, uint32_t *ego, uint32_t *alter) {
    bool found = false;
    for (uint32_t left = study->joined; left > 0 && !found; left--) {
        *ego = *ego + 1 < study->joined ? *ego + 1 : 0;
        found = alter_find(study, *ego, alter);
    }
    while (!found) {
        assert(study->joined < study->members); /* see ties_check */
        *ego = study->joined;
        member_join(study);
        found = alter_find(study, *ego, alter);
    }
}

/* Uniform in [low, high]. */
static int64_t time_between(struct study *study, int64_t low, int64_t high) {
    assert(low <= high);
    return low + (int64_t)random_below(&study->clock, (uint64_t)(high - low) + 1);
}

/* ---- events ---- */

uint64_t study_member_id(const struct study *study, uint32_t member) {
    uint64_t id = (uint64_t)member + 1;
    return study->options.ids_are_random ? random_mix(study->id_key + id) : id;
}

static void event_fill(struct study *study, struct event *event, int64_t at_ms, uint32_t from,
                       uint32_t to, enum event_kind kind, enum event_origin origin) {
    study->latest = CHANGE_NONE;
    study->latest_from = from;
    study->latest_to = to;
    *event = (struct event){
        .at_ms = at_ms,
        .from = {study_member_id(study, from)},
        .to = {study_member_id(study, to)},
        .kind = (uint8_t)kind,
        .origin = (uint8_t)origin,
    };
    study->now_ms = at_ms;
    if (kind == EVENT_CONNECT) {
        study->last_connect_ms = at_ms;
    }
}

static enum event_origin origin_draw(struct study *study, bool closing) {
    return origin_of_percent(random_below(&study->random, 100), closing);
}

/* Takes a pair that is to be made again; false where none is due or the pair has no room. */
static bool lapsed_take(struct study *study, uint32_t *ego, uint32_t *alter) {
    if (study->lapsed_slots == 0) {
        return false;
    }
    struct lapsed *slot = &study->lapsed[random_below(&study->random, study->lapsed_slots)];
    *ego = slot->a;
    *alter = slot->b;
    *slot = (struct lapsed){0, 0};
    return can_tie(study, *ego, *alter);
}

static struct status tie_make(struct study *study, struct event *event, struct err *err) {
    int64_t at_ms = next_tie_ms(study);
    members_join(study);
    uint32_t ego;
    uint32_t alter;
    bool closing = false;
    if (!lapsed_take(study, &ego, &alter) && !pair_draw(study, &ego, &alter, &closing)) {
        closing = false;
        pair_find(study, &ego, &alter);
    }
    TRY(tie_add(study, ego, alter, err));
    study->made++;
    event_fill(study, event, at_ms, ego, alter, EVENT_CONNECT, origin_draw(study, closing));
    study->latest = CHANGE_MADE;
    study->endings_owed += random_unit(&study->random) < study->options.disconnect_share;
    study->wart_owed = random_unit(&study->random) < study->options.wart_share;
    study->endings_tried = false;
    return status_ok();
}

/* A pair that is tied, in either direction; false where none was found. */
static bool tied_draw(struct study *study, uint32_t *a, uint32_t *b) {
    for (int i = 0; i < PAIR_TRIES; i++) {
        *a = ego_draw(study);
        if (study->nodes[*a].degree > 0) {
            *b = neighbour_draw(study, *a);
            return true;
        }
    }
    return false;
}

/* A pair that is not tied; false where none was found. */
static bool untied_draw(struct study *study, uint32_t *a, uint32_t *b) {
    for (int i = 0; i < PAIR_TRIES; i++) {
        *a = ego_draw(study);
        *b = (uint32_t)random_below(&study->random, study->joined);
        if (*a != *b && !is_tied(study, *a, *b)) {
            return true;
        }
    }
    return false;
}

/* Of twenty warts, twelve are duplicates, five orphans and three self-loops, which also stand in
 * where there is no pair for the others. */
static void wart_make(struct study *study, struct event *event) {
    study->wart_owed = false;
    int64_t at_ms = time_between(study, study->now_ms, next_tie_ms(study));
    uint64_t draw = random_below(&study->random, 20);
    uint32_t a;
    uint32_t b;
    if (draw < 12 && tied_draw(study, &a, &b)) {
        event_fill(study, event, at_ms, a, b, EVENT_CONNECT, ORIGIN_IMPORT);
    } else if (draw >= 12 && draw < 17 && untied_draw(study, &a, &b)) {
        event_fill(study, event, at_ms, a, b, EVENT_DISCONNECT, ORIGIN_UNKNOWN);
    } else {
        a = ego_draw(study);
        event_fill(study, event, at_ms, a, a, EVENT_CONNECT, ORIGIN_IMPORT);
    }
}

/* False where no instant is free before the next tie, or no tie was found to end. */
static bool ending_make(struct study *study, struct event *event) {
    int64_t high_ms = next_tie_ms(study);
    int64_t low_ms = study->last_connect_ms + 1;
    low_ms = low_ms < study->now_ms ? study->now_ms : low_ms;
    uint32_t a;
    uint32_t b;
    if (low_ms > high_ms || !tied_draw(study, &a, &b)) {
        return false;
    }
    tie_remove(study, a, b);
    study->endings_owed--;
    event_fill(study, event, time_between(study, low_ms, high_ms), a, b, EVENT_DISCONNECT,
               ORIGIN_UNKNOWN);
    study->latest = CHANGE_ENDED;
    if (random_below(&study->random, REMAKE_ONE_IN) == 0) {
        study->lapsed[random_below(&study->random, study->lapsed_slots)] = (struct lapsed){a, b};
    }
    return true;
}

/* One event; *more is false behind the last. */
static struct status study_step(struct study *study, struct event *event, bool *more,
                                struct err *err) {
    *more = true;
    if (study->wart_owed) {
        wart_make(study, event);
        return status_ok();
    }
    if (study->endings_owed > 0 && !study->endings_tried) {
        if (ending_make(study, event)) {
            return status_ok();
        }
        study->endings_tried = true;
    }
    if (study->made < study->options.ties) {
        return tie_make(study, event, err);
    }
    *more = false;
    return status_ok();
}

/* ---- the study ---- */

static struct status lapsed_make(struct study *study, struct err *err) {
    if (!(study->options.disconnect_share > 0.0)) {
        return status_ok();
    }
    uint64_t slots = study->options.ties / LAPSED_TIES_PER_SLOT;
    slots = slots < LAPSED_SLOTS_MIN ? LAPSED_SLOTS_MIN : slots;
    study->lapsed_slots = slots > LAPSED_SLOTS_MAX ? LAPSED_SLOTS_MAX : slots;
    return array_new(&study->lapsed, study->lapsed_slots, sizeof *study->lapsed, "lapsed ties",
                     err);
}

struct status study_new(struct study **study_out, const struct study_options *options,
                        struct err *err) {
    *study_out = NULL;
    TRY(options_check(options, err));
    struct study *study = calloc(1, sizeof *study);
    if (study == NULL) {
        return err_memory(err, sizeof *study, "a study");
    }
    uint32_t members = (uint32_t)options->members;
    study->options = *options;
    study->members = members;
    study->degree_max = options->degree_max < members - 1 ? options->degree_max : members - 1;
    study->now_ms = options->start_ms;
    study->last_connect_ms = options->start_ms;
    random_seed(&study->random, random_mix(options->seed + 1));
    random_seed(&study->clock, random_mix(options->seed + 2));
    study->id_key = random_mix(options->seed + 3);
    study->group_key = random_mix(options->seed + 4);
    study->variant_key = random_mix(options->seed + 5);
    draws_settle(study);
    struct status status = population_make(study, err);
    if (!failed(status)) {
        status = lapsed_make(study, err);
    }
    if (failed(status)) {
        study_free(study);
        return status;
    }
    times_fill(study, 0);
    *study_out = study;
    return status_ok();
}

void study_free(struct study *study) {
    if (study == NULL) {
        return;
    }
    for (uint32_t i = 0; study->nodes != NULL && i < study->members; i++) {
        free(study->nodes[i].row);
    }
    for (int kind = 0; kind < GROUP_KINDS; kind++) {
        free(study->groups[kind].first);
        free(study->groups[kind].joined);
        free(study->groups[kind].members);
    }
    free(study->nodes);
    free(study->circles);
    free(study->activity);
    free(study->activity_to);
    free(study->guide);
    free(study->marks);
    free(study->lapsed);
    free(study);
}

struct status study_next(struct study *study, struct event *events, size_t capacity, size_t *count,
                         struct err *err) {
    assert(capacity > 0);
    *count = 0;
    size_t filled = 0;
    while (filled < capacity) {
        bool more;
        TRY(study_step(study, &events[filled], &more, err));
        if (!more) {
            break;
        }
        filled++;
    }
    *count = filled;
    return status_ok();
}

enum study_change study_latest(const struct study *study, uint32_t *from, uint32_t *to) {
    *from = study->latest_from;
    *to = study->latest_to;
    return study->latest;
}

bool study_tied(const struct study *study, uint32_t a, uint32_t b) {
    return is_tied(study, a, b);
}

uint32_t study_common(struct study *study, uint32_t a, uint32_t b) {
    const struct node *node = &study->nodes[b];
    uint32_t common = 0;
    marks_flip(study, a);
    mark_flip(study, a); /* neighbours alone */
    for (uint32_t i = 0; i < node->degree; i++) {
        common += study->marks[node->row[i] / 64] >> node->row[i] % 64 & 1;
    }
    mark_flip(study, a);
    marks_flip(study, a);
    return common;
}

const struct study_options *study_options_of(const struct study *study) {
    return &study->options;
}

uint32_t study_group_count(const struct study *study, enum study_group kind) {
    return study->groups[kind].count;
}

uint32_t study_peer(const struct study *study, uint32_t member, struct random *random) {
    assert(study->kinds == GROUP_KINDS);
    const struct groups *groups = &study->groups[FIELD];
    uint32_t g = study_group_of(study, member, FIELD);
    uint64_t count = groups->first[g + 1] - groups->first[g];
    return groups->members[groups->first[g] + random_below(random, count)];
}
