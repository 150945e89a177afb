/* The model
 *
 * Members join in an order that their numbers do not show (shuffle.h). A fifth is there at the
 * start, the rest join evenly to the end; they come sooner where those present would otherwise be
 * tied too densely to find new pairs at once.
 *
 * A member's groups and activity are functions of the member's number, drawn anew whenever they are
 * needed: that costs less than to fetch them. The activity is kept as tickets: an ego is who holds
 * a ticket drawn at random, one memory access for what an index of sums takes three.
 *
 * Of ties a member keeps one cache line: how many were made, and with whom the latest RECENT. With
 * probability `closure` the alter is one of those of one of the ego's; else of two members of one
 * of the ego's groups the more active one, by steps of two, or now and then anybody.
 *
 * Rounds
 *
 * A draw waits for memory three to five times in a row. So a round draws up to ROUND_TIES pairs
 * side by side, step by step, each step asking for the memory of the next: all against the state
 * that the round before has left. Then the pairs are taken in order, or put back: a pair that
 * cannot be is drawn anew in the next round, first for what it was meant to be, then from any
 * group, at last from all members. What is drawn depends on the tie's number and the try, not on
 * the round. Rounds are small at first: a large one would not see its own ties.
 *
 * Rejected: the adjacency (study.h), 8 bytes per tie and a search per draw; and reservoirs in place
 * of the latest neighbours, which close the same few triangles over and over.
 */
#include "stages/generate/stream_study.h"

#include "schemas/limits.h"
#include "stages/base/pages.h"
#include "stages/base/random.h"
#include "stages/generate/even_times.h"
#include "stages/generate/member_draws.h"
#include "stages/generate/pair_sieve.h"
#include "stages/generate/shuffle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECENT = 15,        /* neighbours kept: with the count they fill a cache line */
    ROUND_TIES = 1024,  /* pairs drawn side by side: what they touch fits the level-2 cache */
    ROUND_PARTS = 64,   /* a round makes at most this part of the ties made before it */
    EVENTS_PER_TIE = 3, /* a tie, an ending, a wart */
    START_PARTS = 5,    /* one member in START_PARTS is there at the start */
    DENSE_PARTS = 4,    /* the mean degree stays below this part of the greatest possible */
    TICKET_SHIFT = 15,  /* two tickets for the median activity */
    CLASS_BITS = 4,     /* of the activity in a group's list, above MEMBER_BITS */
    MEMBER_BITS = 28,   /* of a member's number */
    CLASS_LEAST = 9,    /* log2 of the activity in class 0 */
    EGO_TRIES = 4,      /* alters drawn for one ego */
    CLOSING_TRIES = 8,  /* draws for a tie that is to close a triangle, before any other */
    GROUP_TRIES = 16,   /* and from groups, before the draws from all members */
    TRIES = 4096,       /* draws for one tie: with DENSE_PARTS many times what is needed */
    PAIR_TRIES = 16,    /* draws of a pair for an ending or a wart */
    ENDING_GAP_MS = 8,  /* least time from tie to tie where others stand between them */
    KEYS = 6,
};

/* What the numbers drawn for a tie or a member depend on beside it. */
enum key { KEY_TIE, KEY_EXTRA, KEY_ACTIVITY, KEY_GROUP, KEY_ID, KEY_ORDER };
_Static_assert(KEY_ORDER + 1 == KEYS, "each key has a place");

/* Numbers of members count from 1: 0 is nobody, and fresh pages are ready for use. */
struct latest {
    uint32_t made; /* ties, ended ones included; the latest stands at (made - 1) % RECENT */
    uint32_t with[RECENT];
};
_Static_assert(sizeof(struct latest) == 64, "a member's line");

/* The members of a group are members[first .. first + joined) of its kind's list, in the order in
 * which they joined; the class of a member's activity stands above the number. */
struct crowd {
    uint32_t first;
    uint32_t joined;
};

/* A pair on its way. */
struct draw {
    uint64_t tie; /* its number */
    uint32_t tries;
    bool closing;
    uint32_t ego;
    uint32_t alter;      /* 0: none was found */
    const uint32_t *one; /* what the next step reads */
    const uint32_t *other;
    const struct crowd *crowd;
    uint64_t random; /* of this try */
    struct sieve_bits bits;
};

struct stream_study {
    struct stream_options options;
    uint32_t members;
    uint64_t keys[KEYS];
    struct shuffle order; /* who joins when */
    struct even_times times;
    uint32_t groups[DRAWN_KINDS];

    struct pages latest;  /* struct latest, by number */
    struct pages tickets; /* uint32_t: of those who have joined */
    uint64_t ticket_count;
    struct pages crowds[DRAWN_KINDS];  /* struct crowd */
    struct pages circles[DRAWN_KINDS]; /* uint32_t: the lists of a kind */
    struct pair_sieve sieve;

    uint32_t joined;
    uint64_t begun; /* ties for which a draw was begun */
    uint64_t made;

    struct draw draws[ROUND_TIES];
    size_t draw_count; /* put back by the round before */
    struct event events[EVENTS_PER_TIE * ROUND_TIES];
    size_t event_count;
    size_t event_at; /* [at, count) are not handed out yet */
};

/* ---- options ---- */

static struct status share_check(const char *name, double share, struct err *err) {
    if (!(share >= 0.0 && share <= 1.0)) {
        return err_set(err, FAILURE_USAGE, "%s is %g; give a share from 0 to 1", name, share);
    }
    return status_ok();
}

/* Refuses what the draws from all members might not find quickly. */
static struct status density_check(const struct stream_options *options, struct err *err) {
    uint64_t most = options->members - 1;
    most = options->degree_max < most ? options->degree_max : most;
    if (options->ties < 1 || options->ties > options->members * most / 2 / DENSE_PARTS) {
        return err_set(err, FAILURE_USAGE,
                       "%" PRIu64 " ties between %" PRIu64
                       " members: this model keeps no graph and makes at most a quarter of what "
                       "pairs and a degree of %" PRIu64 " allow, here %" PRIu64
                       "; give more members (a smaller mean degree), or take the model `study`",
                       options->ties, options->members, most,
                       options->members * most / 2 / DENSE_PARTS);
    }
    return status_ok();
}

static struct status options_check(const struct stream_options *options, struct err *err) {
    const uint32_t members_max = (UINT32_C(1) << MEMBER_BITS) - 1;
    if (options->members < 2 || options->members > members_max) {
        return err_set(err, FAILURE_USAGE,
                       "%" PRIu64 " members; give from 2 to %" PRIu32
                       " (the mean degree is 2 * ties / members)",
                       options->members, members_max);
    }
    TRY(share_check("closure", options->closure, err));
    TRY(share_check("the share of disconnects", options->disconnect_share, err));
    TRY(share_check("the share of warts", options->wart_share, err));
    return density_check(options, err);
}

/* Endings and warts stand at instants of their own, between two ties. */
static struct status gap_check(const struct stream_study *study, struct err *err) {
    const struct stream_options *options = &study->options;
    if ((options->disconnect_share > 0.0 || options->wart_share > 0.0) &&
        study->times.gap_ms < ENDING_GAP_MS) {
        return err_set(err, FAILURE_USAGE,
                       "a tie every %g ms leaves no instants for disconnects and warts; spread "
                       "the ties over more days (at least %d ms for each), or ask for neither",
                       study->times.gap_ms, ENDING_GAP_MS);
    }
    return status_ok();
}

/* ---- random numbers ---- */

/* Number `at` of those that hang on `what` under a key. */
static uint64_t number_of(const struct stream_study *study, enum key key, uint64_t what,
                          uint64_t at) {
    return random_mix(random_mix(study->keys[key] + what) + at);
}

static uint32_t below(uint32_t bits, uint32_t bound) {
    return (uint32_t)((uint64_t)bits * bound >> 32);
}

static uint64_t below_wide(uint64_t bits, uint64_t bound) {
    return (uint64_t)((unsigned __int128)bits * bound >> 64);
}

static uint32_t high(uint64_t bits) {
    return (uint32_t)(bits >> 32);
}

static uint32_t low(uint64_t bits) {
    return (uint32_t)bits;
}

/* True with the given probability. */
static bool chance(uint64_t bits, double share) {
    return (double)(bits >> 11) * 0x1p-53 < share;
}

/* ---- members ---- */

static struct latest *latest_of(const struct stream_study *study, uint32_t member) {
    return (struct latest *)study->latest.data + member;
}

/* Who joins as number `i`, counted from 0. */
static uint32_t member_at(const struct stream_study *study, uint32_t i) {
    return 1 + shuffle_of(&study->order, i);
}

static uint32_t group_of(const struct stream_study *study, uint32_t member, unsigned kind) {
    uint64_t bits = number_of(study, KEY_GROUP, member, kind);
    return group_number(high(bits), study->groups[kind], group_rules[kind].power);
}

static struct crowd *crowd_of(const struct stream_study *study, uint32_t member, unsigned kind) {
    return (struct crowd *)study->crowds[kind].data + group_of(study, member, kind);
}

static uint32_t class_of(uint32_t activity) {
    unsigned log2 = 31 - (unsigned)__builtin_clz(activity);
    unsigned class = log2 < CLASS_LEAST ? 0 : log2 - CLASS_LEAST;
    return class < (1 << CLASS_BITS) ? class : (1 << CLASS_BITS) - 1;
}

static struct status tickets_deal(struct stream_study *study, uint32_t member, uint32_t activity,
                                  uint64_t bits, struct err *err) {
    uint64_t rest = activity & ((UINT32_C(1) << TICKET_SHIFT) - 1);
    uint64_t wanted = (activity >> TICKET_SHIFT) + (rest > bits >> (64 - TICKET_SHIFT));
    if (study->ticket_count == 0 && wanted == 0) {
        wanted = 1;
    }
    uint64_t bytes = (study->ticket_count + wanted) * sizeof(uint32_t);
    if (bytes > study->tickets.bytes) {
        TRY(pages_grow(&study->tickets, bytes + bytes / 8 + (1 << 16), "the members' tickets",
                       err));
    }
    uint32_t *tickets = study->tickets.data;
    for (uint64_t i = 0; i < wanted; i++) {
        tickets[study->ticket_count++] = member;
    }
    return status_ok();
}

static struct status member_join(struct stream_study *study, struct err *err) {
    uint32_t member = member_at(study, study->joined);
    struct random random;
    random_seed(&random, number_of(study, KEY_ACTIVITY, member, 0));
    uint32_t activity = activity_draw(&random);
    TRY(tickets_deal(study, member, activity, random_u64(&random), err));
    for (unsigned kind = 0; kind < DRAWN_KINDS; kind++) {
        struct crowd *crowd = crowd_of(study, member, kind);
        uint32_t *circle = study->circles[kind].data;
        circle[crowd->first + crowd->joined++] = member | class_of(activity) << MEMBER_BITS;
    }
    study->joined++;
    return status_ok();
}

/* Lets everybody in who is due by the ties made so far. */
static struct status members_join(struct stream_study *study, struct err *err) {
    uint32_t present = study->members / START_PARTS;
    uint32_t due = present + (uint32_t)((unsigned __int128)(study->members - present) *
                                        (study->made + 1) / study->options.ties);
    for (;;) {
        uint64_t most = study->joined < 2 ? 0 : study->joined - 1;
        most = study->options.degree_max < most ? study->options.degree_max : most;
        bool is_dense = study->made * 2 * DENSE_PARTS > study->joined * most;
        if (study->joined >= study->members ||
            (study->joined >= 2 && study->joined >= due && !is_dense)) {
            return status_ok();
        }
        TRY(member_join(study, err));
    }
}

/* Makes the lists of one kind, for nobody yet. */
static struct status crowds_make(struct stream_study *study, unsigned kind, struct err *err) {
    uint32_t count = study->members / group_rules[kind].size + 1;
    study->groups[kind] = count;
    TRY(pages_grow(&study->crowds[kind], count * sizeof(struct crowd), "groups", err));
    TRY(pages_grow(&study->circles[kind], study->members * sizeof(uint32_t), "groups", err));
    for (uint32_t member = 1; member <= study->members; member++) {
        crowd_of(study, member, kind)->joined++;
    }
    uint32_t first = 0;
    struct crowd *crowds = study->crowds[kind].data;
    for (uint32_t g = 0; g < count; g++) {
        uint32_t size = crowds[g].joined;
        crowds[g] = (struct crowd){first, 0};
        first += size;
    }
    return status_ok();
}

/* ---- a round of draws ---- */

/* One of the latest of a member, drawn: 0 where there is none, or where its tie has ended. */
static uint32_t recent_draw(const struct latest *latest, uint32_t bits) {
    uint32_t count = latest->made < RECENT ? latest->made : RECENT;
    return count == 0 ? 0 : latest->with[below(bits, count)];
}

static uint32_t anybody_draw(const struct stream_study *study, uint32_t bits) {
    return member_at(study, below(bits, study->joined));
}

/* Begins new draws behind those put back, which are drawn anew; asks for the egos' tickets. */
static void draws_begin(struct stream_study *study) {
    uint64_t round = 1 + study->made / ROUND_PARTS;
    round = round < ROUND_TIES ? round : ROUND_TIES;
    while (study->draw_count < round && study->begun < study->options.ties) {
        study->draws[study->draw_count++] = (struct draw){.tie = study->begun++};
    }
    const uint32_t *tickets = study->tickets.data;
    for (size_t i = 0; i < study->draw_count; i++) {
        struct draw *draw = &study->draws[i];
        uint64_t of_tie = random_mix(study->keys[KEY_TIE] + draw->tie);
        draw->random = random_mix(of_tie + draw->tries);
        draw->closing = draw->tries < CLOSING_TRIES && chance(of_tie, study->options.closure);
        uint64_t of_ego = random_mix(of_tie - 1 - draw->tries / EGO_TRIES);
        draw->one = tickets + below_wide(of_ego, study->ticket_count);
        __builtin_prefetch(draw->one);
    }
}

/* Asks for the egos' lines and, where the alter comes from a group, for the group. */
static void egos_take(struct stream_study *study) {
    for (size_t i = 0; i < study->draw_count; i++) {
        struct draw *draw = &study->draws[i];
        uint64_t bits = random_mix(draw->random + 1);
        draw->ego = draw->tries < GROUP_TRIES ? *draw->one : anybody_draw(study, low(bits));
        draw->alter = 0;
        draw->crowd = NULL;
        __builtin_prefetch(latest_of(study, draw->ego), 1);
        uint32_t asked = below(high(bits), GROUP_DRAWS);
        for (unsigned kind = 0; kind < DRAWN_KINDS && !draw->closing && draw->tries < GROUP_TRIES;
             kind++) {
            if (asked < group_rules[kind].draws) {
                draw->crowd = crowd_of(study, draw->ego, kind);
                draw->one = study->circles[kind].data;
                __builtin_prefetch(draw->crowd);
                break;
            }
            asked -= group_rules[kind].draws;
        }
    }
}

/* Asks for the line of one of the ego's latest, or for two places in a group's list; or draws from
 * all members. */
static void middles_take(struct stream_study *study) {
    for (size_t i = 0; i < study->draw_count; i++) {
        struct draw *draw = &study->draws[i];
        uint64_t bits = random_mix(draw->random + 2);
        if (draw->closing) {
            draw->alter = recent_draw(latest_of(study, draw->ego), low(bits));
            __builtin_prefetch(latest_of(study, draw->alter));
        } else if (draw->crowd != NULL) {
            const uint32_t *circle = draw->one + draw->crowd->first;
            draw->one = circle + below(low(bits), draw->crowd->joined);
            draw->other = circle + below(high(bits), draw->crowd->joined);
            __builtin_prefetch(draw->one);
            __builtin_prefetch(draw->other);
        } else {
            draw->alter = anybody_draw(study, low(bits));
        }
    }
}

/* Asks for what tells whether the pair can be. */
static void alters_take(struct stream_study *study) {
    for (size_t i = 0; i < study->draw_count; i++) {
        struct draw *draw = &study->draws[i];
        uint64_t bits = random_mix(draw->random + 3);
        if (draw->closing) { /* of nobody, nobody */
            draw->alter = recent_draw(latest_of(study, draw->alter), low(bits));
        } else if (draw->crowd != NULL) {
            uint32_t one = *draw->one;
            uint32_t other = *draw->other;
            uint32_t chosen = other >> MEMBER_BITS > one >> MEMBER_BITS ? other : one;
            draw->alter = chosen & ((UINT32_C(1) << MEMBER_BITS) - 1);
        }
        draw->bits = pair_sieve_locate(&study->sieve, draw->ego, draw->alter);
        __builtin_prefetch(latest_of(study, draw->alter), 1);
        pair_sieve_prefetch(&study->sieve, draw->bits);
    }
}

/* ---- events ---- */

static uint64_t id_of(const struct stream_study *study, uint32_t member) {
    return study->options.ids_are_random ? random_mix(study->keys[KEY_ID] + member) : member;
}

static void event_put(struct stream_study *study, double part, uint32_t from, uint32_t to,
                      enum event_kind kind, enum event_origin origin) {
    study->events[study->event_count++] = (struct event){
        .at_ms = even_times_at(&study->times, study->made, part),
        .from = {id_of(study, from)},
        .to = {id_of(study, to)},
        .kind = (uint8_t)kind,
        .origin = (uint8_t)origin,
    };
}

/* A pair that is tied: an ego and the place of one of its latest; NULL where none was found. */
static uint32_t *tied_draw(struct stream_study *study, struct random *random, uint32_t *ego) {
    const uint32_t *tickets = study->tickets.data;
    for (int i = 0; i < PAIR_TRIES; i++) {
        *ego = tickets[random_below(random, study->ticket_count)];
        struct latest *latest = latest_of(study, *ego);
        uint32_t count = latest->made < RECENT ? latest->made : RECENT;
        uint32_t *with = &latest->with[count == 0 ? 0 : random_below(random, count)];
        if (*with != 0) {
            return with;
        }
    }
    return NULL;
}

static void ending_put(struct stream_study *study, struct random *random) {
    uint32_t ego;
    uint32_t *with = tied_draw(study, random, &ego);
    if (with == NULL) {
        return;
    }
    event_put(study, 0.5, ego, *with, EVENT_DISCONNECT, ORIGIN_UNKNOWN);
    struct latest *other = latest_of(study, *with);
    for (int i = 0; i < RECENT; i++) {
        if (other->with[i] == ego) {
            other->with[i] = 0;
        }
    }
    *with = 0;
}

/* A pair that was never tied; false where none was found. */
static bool untied_draw(const struct stream_study *study, struct random *random, uint32_t *a,
                        uint32_t *b) {
    for (int i = 0; i < PAIR_TRIES; i++) {
        *a = anybody_draw(study, low(random_u64(random)));
        *b = anybody_draw(study, low(random_u64(random)));
        if (*a != *b &&
            !pair_sieve_holds(&study->sieve, pair_sieve_locate(&study->sieve, *a, *b))) {
            return true;
        }
    }
    return false;
}

/* Of twenty warts, twelve are duplicates, five orphans and three self-loops, which also stand in
 * where there is no pair for the others. */
static void wart_put(struct stream_study *study, struct random *random) {
    uint64_t draw = random_below(random, 20);
    uint32_t a;
    uint32_t b;
    const uint32_t *with;
    if (draw < 12 && (with = tied_draw(study, random, &a)) != NULL) {
        event_put(study, 0.75, a, *with, EVENT_CONNECT, ORIGIN_IMPORT);
    } else if (draw >= 12 && draw < 17 && untied_draw(study, random, &a, &b)) {
        event_put(study, 0.75, a, b, EVENT_DISCONNECT, ORIGIN_UNKNOWN);
    } else {
        a = anybody_draw(study, low(random_u64(random)));
        event_put(study, 0.75, a, a, EVENT_CONNECT, ORIGIN_IMPORT);
    }
}

static void latest_put(struct latest *latest, uint32_t member) {
    latest->with[latest->made++ % RECENT] = member;
}

/* Makes the tie of a draw where it can be, with what follows from it; false where it cannot. */
static bool tie_make(struct stream_study *study, const struct draw *draw) {
    struct latest *ego = latest_of(study, draw->ego);
    struct latest *alter = latest_of(study, draw->alter);
    const struct stream_options *options = &study->options;
    if (draw->alter == 0 || draw->alter == draw->ego || ego->made >= options->degree_max ||
        alter->made >= options->degree_max || pair_sieve_holds(&study->sieve, draw->bits)) {
        return false;
    }
    pair_sieve_add(&study->sieve, draw->bits);
    latest_put(ego, draw->alter);
    latest_put(alter, draw->ego);
    uint64_t bits = random_mix(draw->random + 4);
    event_put(study, even_times_part(low(bits)), draw->ego, draw->alter, EVENT_CONNECT,
              origin_of_percent(below(high(bits), 100), draw->closing));
    if (options->disconnect_share > 0.0 || options->wart_share > 0.0) {
        struct random random;
        random_seed(&random, number_of(study, KEY_EXTRA, draw->tie, 0));
        if (chance(random_u64(&random), options->disconnect_share)) {
            ending_put(study, &random);
        }
        if (chance(random_u64(&random), options->wart_share)) {
            wart_put(study, &random);
        }
    }
    study->made++;
    return true;
}

static struct status round_run(struct stream_study *study, struct err *err) {
    TRY(members_join(study, err));
    draws_begin(study);
    egos_take(study);
    middles_take(study);
    alters_take(study);
    size_t back = 0;
    for (size_t i = 0; i < study->draw_count; i++) {
        const struct draw *draw = &study->draws[i];
        if (tie_make(study, draw)) {
            continue;
        }
        if (draw->tries == TRIES) {
            return err_set(err, FAILURE_USAGE,
                           "no pair is left for tie %" PRIu64 " among %" PRIu32
                           " members; give fewer ties, or take the model `study`",
                           draw->tie, study->joined);
        }
        study->draws[back++] = (struct draw){.tie = draw->tie, .tries = draw->tries + 1};
    }
    study->draw_count = back;
    return status_ok();
}

/* ---- the study ---- */

static struct status memory_take(struct stream_study *study, struct err *err) {
    TRY(pages_grow(&study->latest, ((size_t)study->members + 1) * sizeof(struct latest),
                   "the members' latest ties", err));
    for (unsigned kind = 0; kind < DRAWN_KINDS; kind++) {
        TRY(crowds_make(study, kind, err));
    }
    return pair_sieve_init(&study->sieve, study->options.ties, err);
}

struct status stream_study_new(struct stream_study **study_out,
                               const struct stream_options *options, struct err *err) {
    *study_out = NULL;
    TRY(options_check(options, err));
    struct stream_study *study = calloc(1, sizeof *study);
    if (study == NULL) {
        return err_memory(err, sizeof *study, "a study");
    }
    study->options = *options;
    study->members = (uint32_t)options->members;
    for (unsigned key = 0; key < KEYS; key++) {
        study->keys[key] = random_mix(random_mix(options->seed) + key);
    }
    study->order = shuffle_make(study->members, study->keys[KEY_ORDER]);
    struct status status =
        even_times_init(&study->times, options->start_ms, options->span_ms, options->ties, err);
    if (!failed(status)) {
        status = gap_check(study, err);
    }
    if (!failed(status)) {
        status = memory_take(study, err);
    }
    if (failed(status)) {
        stream_study_free(study);
        return status;
    }
    *study_out = study;
    return status_ok();
}

void stream_study_free(struct stream_study *study) {
    if (study == NULL) {
        return;
    }
    pages_release(&study->latest);
    pages_release(&study->tickets);
    for (unsigned kind = 0; kind < DRAWN_KINDS; kind++) {
        pages_release(&study->crowds[kind]);
        pages_release(&study->circles[kind]);
    }
    pair_sieve_release(&study->sieve);
    free(study);
}

struct status stream_study_next(struct stream_study *study, struct event *events, size_t capacity,
                                size_t *count, struct err *err) {
    assert(capacity > 0);
    *count = 0;
    size_t filled = 0;
    while (filled < capacity) {
        if (study->event_at == study->event_count) {
            if (study->made == study->options.ties) {
                break;
            }
            study->event_at = 0;
            study->event_count = 0;
            TRY(round_run(study, err));
        }
        size_t left = study->event_count - study->event_at;
        size_t step = left < capacity - filled ? left : capacity - filled;
        memcpy(events + filled, study->events + study->event_at, step * sizeof *events);
        study->event_at += step;
        filled += step;
    }
    *count = filled;
    return status_ok();
}
