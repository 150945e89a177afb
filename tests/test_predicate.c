/* The oracle tries out every millisecond: dates are units of a few milliseconds, so all true
 * instants inside them can be gone through, and so can a timeline. Times lie around ANCHOR, those
 * of ties and starts a setting's number of days before it, so that every bound is met and missed.
 */
#include "stages/attribution/predicate.h"
#include "stages/base/random.h"
#include "tests/testing.h"

#define DAY_MS INT64_C(86400000)
#define ANCHOR INT64_C(1500000000000)

enum { WORLDS = 20000, UNIT_MAX = 4, REACH_MS = 6 };

struct world {
    struct attribution_settings settings;
    struct side side;
    struct spell spells[3];
    size_t spell_count;
    struct span s;
};

static bool coin(struct random *random) {
    return random_below(random, 2) != 0;
}

static int64_t near(struct random *random, int64_t at_ms) {
    return at_ms - REACH_MS + (int64_t)random_below(random, 2 * REACH_MS + 1);
}

static struct span unit_near(struct random *random, int64_t at_ms) {
    int64_t lo = near(random, at_ms);
    return (struct span){lo, lo + 1 + (int64_t)random_below(random, UNIT_MAX)};
}

static struct world world_make(struct random *random) {
    struct world world = {.settings = {
                              .tie_days = (uint32_t)random_below(random, 3),
                              .job_days = (uint32_t)random_below(random, 3),
                              .alter_active = coin(random),
                              .tie_first = coin(random),
                              .ended_ties = coin(random) ? ENDED_EXCLUDE : ENDED_INCLUDE,
                          }};
    int64_t tie_before = world.settings.tie_days * DAY_MS;
    int64_t job_before = world.settings.job_days * DAY_MS;
    world.s = unit_near(random, ANCHOR);
    world.side = (struct side){
        .created_ms = near(random, ANCHOR - tie_before),
        .ended_ms = coin(random) ? TIE_OPEN_MS : near(random, ANCHOR),
        .is_remade = random_below(random, 4) == 0,
    };
    world.spell_count = 1 + random_below(random, 3);
    for (size_t i = 0; i < world.spell_count; i++) {
        world.spells[i] = (struct spell){
            .start = i == 0 && random_below(random, 8) == 0
                         ? SPAN_EVER
                         : unit_near(random, ANCHOR - job_before),
            .end = coin(random) ? SPAN_NEVER : unit_near(random, ANCHOR),
        };
    }
    return world;
}

/* The rules as definitions.md words them, for dates of any unit. */
static bool is_before(struct span a, struct span b) {
    return a.hi_ms <= b.lo_ms;
}

static bool is_before_by(struct span a, int64_t least_ms, struct span b) {
    return is_before(a, b) && a.lo_ms + least_ms <= b.lo_ms;
}

static struct span instant(int64_t at_ms) {
    return at_ms == INT64_MIN   ? SPAN_EVER
           : at_ms == INT64_MAX ? SPAN_NEVER
                                : (struct span){at_ms, at_ms + 1};
}

static bool rule_one(const struct attribution_settings *settings, const struct side *side,
                     struct span s) {
    if (settings->ended_ties == ENDED_INCLUDE && side->is_remade) {
        return false;
    }
    bool is_over = settings->ended_ties == ENDED_EXCLUDE && is_before(instant(side->ended_ms), s);
    return is_before_by(instant(side->created_ms), settings->tie_days * DAY_MS, s) && !is_over;
}

static bool rules_two_three(const struct attribution_settings *settings, const struct side *side,
                            struct span start, struct span end, struct span s) {
    return is_before_by(start, settings->job_days * DAY_MS, s) &&
           (!settings->alter_active || end.hi_ms > s.lo_ms) &&
           (!settings->tie_first || is_before(instant(side->created_ms), start));
}

/* Over all true instants of the three dates: whether the rules hold for some, and for all. */
static void try_instants(const struct world *world, const struct spell *spell, bool *some,
                         bool *all) {
    *some = false;
    *all = true;
    struct span q = spell->start;
    struct span e = spell->end;
    for (int64_t s = world->s.lo_ms; s < world->s.hi_ms; s++) {
        for (int64_t start = q.lo_ms; start == q.lo_ms || start < q.hi_ms; start++) {
            for (int64_t end = e.lo_ms;;) {
                bool holds = rule_one(&world->settings, &world->side, instant(s)) &&
                             rules_two_three(&world->settings, &world->side, instant(start),
                                             instant(end), instant(s));
                *some = *some || holds;
                *all = *all && holds;
                if (end >= e.hi_ms - 1) {
                    break;
                }
                end++;
            }
        }
    }
}

static enum carried carried_slowly(const struct world *world, const struct spell *spell) {
    bool some;
    bool all;
    try_instants(world, spell, &some, &all);
    bool counted =
        rule_one(&world->settings, &world->side, world->s) &&
        rules_two_three(&world->settings, &world->side, spell->start, spell->end, world->s);
    assert_true(!all || counted);
    assert_true(!counted || some);
    return all       ? CARRIED_CERTAIN
           : counted ? CARRIED_COUNTED
           : some    ? CARRIED_POSSIBLE
                     : CARRIED_NOT;
}

static void count_and_bounds_agree_with_trying_every_instant(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 1);
    size_t seen[4] = {0};
    for (int round = 0; round < WORLDS; round++) {
        struct world world = world_make(&random);
        enum carried best = CARRIED_NOT;
        const struct spell *first = NULL;
        for (size_t i = 0; i < world.spell_count; i++) {
            enum carried carried = carried_slowly(&world, &world.spells[i]);
            best = carried > best ? carried : best;
            first = first == NULL && carried >= CARRIED_COUNTED ? &world.spells[i] : first;
            assert_int_equal(
                spell_carries(&world.settings, world.side.created_ms, &world.spells[i], world.s),
                rules_two_three(&world.settings, &world.side, world.spells[i].start,
                                world.spells[i].end, world.s));
        }
        const struct spell *earliest = &world.spells[2];
        assert_int_equal(side_carries(&world.settings, &world.side, world.spells, world.spell_count,
                                      world.s, &earliest),
                         best);
        assert_ptr_equal(earliest, first);
        assert_int_equal(tie_precedes(&world.settings, &world.side, world.s),
                         rule_one(&world.settings, &world.side, world.s));
        seen[best]++;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(seen[i] > WORLDS / 100);
    }
}

static void contacts_without_a_spell_there_carry_nothing(void **state) {
    (void)state;
    struct side side = {.created_ms = 0, .ended_ms = TIE_OPEN_MS};
    const struct spell *earliest;
    assert_int_equal(side_carries(&attribution_presets[0], &side, NULL, 0,
                                  (struct span){ANCHOR, ANCHOR + 1}, &earliest),
                     CARRIED_NOT);
    assert_null(earliest);
}

/* A millisecond is in the window exactly when a move then would have been transmitted, and nothing
 * else kept the mover from moving then. */
static void windows_hold_the_milliseconds_at_which_a_move_would_count(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 2);
    size_t inside = 0;
    for (int round = 0; round < WORLDS; round++) {
        struct world world = world_make(&random);
        struct spell *spell = &world.spells[0];
        uint64_t kind = random_below(&random, 8);
        struct span entry = kind == 0   ? SPAN_EVER
                            : kind == 1 ? SPAN_NEVER
                                        : unit_near(&random, ANCHOR - REACH_MS);
        kind = random_below(&random, 8);
        struct span first_start = kind == 0  ? SPAN_EVER
                                  : kind < 4 ? SPAN_NEVER
                                             : unit_near(&random, ANCHOR + REACH_MS);
        int64_t as_of = near(&random, ANCHOR + REACH_MS);
        int64_t horizon =
            coin(&random) ? INT64_MAX : near(&random, world.settings.tie_days * DAY_MS + REACH_MS);
        struct window window =
            side_window(&world.settings, &world.side, spell, entry, first_start, as_of, horizon);
        for (int64_t t = ANCHOR - 5 * REACH_MS; t < ANCHOR + 5 * REACH_MS; t++) {
            const struct spell *earliest;
            bool would_count = side_carries(&world.settings, &world.side, spell, 1,
                                            (struct span){t, t + 1}, &earliest) >= CARRIED_COUNTED;
            bool may_move = entry.hi_ms <= t && t <= first_start.lo_ms && t <= as_of &&
                            (horizon == INT64_MAX || t <= world.side.created_ms + horizon);
            bool is_inside = window.first_ms <= t && t <= window.last_ms;
            assert_int_equal(is_inside, would_count && may_move);
            inside += is_inside;
        }
    }
    assert_true(inside > WORLDS / 10);
}

static void a_tie_that_ends_at_the_move_still_carries_it(void **state) {
    (void)state;
    struct attribution_settings settings = attribution_presets[0];
    struct side side = {.created_ms = ANCHOR - 40 * DAY_MS, .ended_ms = ANCHOR};
    assert_true(tie_precedes(&settings, &side, (struct span){ANCHOR, ANCHOR + DAY_MS}));
    assert_false(tie_precedes(&settings, &side, (struct span){ANCHOR + 1, ANCHOR + DAY_MS}));
    settings.ended_ties = ENDED_INCLUDE;
    assert_true(tie_precedes(&settings, &side, (struct span){ANCHOR + 1, ANCHOR + DAY_MS}));
    side.is_remade = true;
    assert_false(tie_is_used(&settings, &side));
    assert_false(tie_precedes(&settings, &side, (struct span){ANCHOR + 1, ANCHOR + DAY_MS}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_and_bounds_agree_with_trying_every_instant),
        cmocka_unit_test(contacts_without_a_spell_there_carry_nothing),
        cmocka_unit_test(windows_hold_the_milliseconds_at_which_a_move_would_count),
        cmocka_unit_test(a_tie_that_ends_at_the_move_still_carries_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
