/* Every rule is a bound on the instant of the move, on that of the spell's start or on that of its
 * end, so the windows, the count and its two bounds are maxima and minima of the same numbers.
 * Trying out instants, or walking the units of two dates against each other, would say the same
 * more slowly; the tests do it.
 */
#include "stages/attribution/predicate.h"

#include "stages/base/number.h"

#include <assert.h>

static int64_t max_of(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t min_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* What is before something is so by a millisecond at least. */
static int64_t least_ms(uint32_t days) {
    return days == 0 ? 1 : (int64_t)days * DAY_MS;
}

static struct span instant_span(int64_t at_ms) {
    return (struct span){at_ms, at_ms + 1};
}

bool tie_is_used(const struct attribution_settings *settings, const struct side *side) {
    return settings->ended_ties == ENDED_EXCLUDE || !side->is_remade;
}

/* The last instant at which the tie can carry a move. */
static int64_t tie_last_ms(const struct attribution_settings *settings, const struct side *side) {
    return settings->ended_ties == ENDED_EXCLUDE ? side->ended_ms : TIE_OPEN_MS;
}

static bool tie_is_first(const struct attribution_settings *settings, int64_t created_ms,
                         struct span start) {
    return !settings->tie_first || span_before(instant_span(created_ms), start);
}

bool tie_precedes(const struct attribution_settings *settings, const struct side *side,
                  struct span s) {
    return tie_is_used(settings, side) &&
           time_plus(side->created_ms, least_ms(settings->tie_days)) <= s.lo_ms &&
           s.lo_ms <= tie_last_ms(settings, side);
}

bool spell_carries(const struct attribution_settings *settings, int64_t created_ms,
                   const struct spell *spell, struct span s) {
    return span_before_by(spell->start, s, least_ms(settings->job_days)) &&
           (!settings->alter_active || spell->end.hi_ms > s.lo_ms) &&
           tie_is_first(settings, created_ms, spell->start);
}

/* The last instant of a unit; EVER and NEVER are instants themselves. */
static int64_t span_last_ms(struct span span) {
    return span.lo_ms == span.hi_ms ? span.lo_ms : span.hi_ms - 1;
}

/* Rules 1 to 3 for some instants of the three units. The earliest start and the latest end leave
 * the most room, so only the move's instant has to be sought: between two bounds. */
static bool is_possible(const struct attribution_settings *settings, const struct side *side,
                        const struct spell *spell, struct span s) {
    int64_t start = spell->start.lo_ms;
    if (settings->tie_first) {
        start = max_of(start, side->created_ms + 1);
        if (start > span_last_ms(spell->start)) {
            return false;
        }
    }
    int64_t first = max_of(s.lo_ms, time_plus(side->created_ms, least_ms(settings->tie_days)));
    first = max_of(first, time_plus(start, least_ms(settings->job_days)));
    int64_t last = min_of(s.hi_ms - 1, tie_last_ms(settings, side));
    if (settings->alter_active) {
        last = min_of(last, span_last_ms(spell->end));
    }
    return first <= last;
}

/* For all instants: the latest start, and the earliest end, leave the least room. */
static bool is_certain(const struct attribution_settings *settings, const struct side *side,
                       const struct spell *spell, struct span s) {
    int64_t start = span_last_ms(spell->start);
    return time_plus(side->created_ms, least_ms(settings->tie_days)) <= s.lo_ms &&
           s.hi_ms - 1 <= tie_last_ms(settings, side) &&
           time_plus(start, least_ms(settings->job_days)) <= s.lo_ms &&
           (!settings->alter_active || s.hi_ms - 1 <= spell->end.lo_ms) &&
           tie_is_first(settings, side->created_ms, spell->start);
}

enum carried side_carries(const struct attribution_settings *settings, const struct side *side,
                          const struct spell *spells, size_t count, struct span s,
                          const struct spell **earliest) {
    assert(s.lo_ms < s.hi_ms);
    *earliest = NULL;
    enum carried best = CARRIED_NOT;
    if (!tie_is_used(settings, side)) {
        return best;
    }
    bool precedes = tie_precedes(settings, side, s);
    for (size_t i = 0; i < count; i++) {
        const struct spell *spell = &spells[i];
        enum carried carried = CARRIED_NOT;
        if (precedes && spell_carries(settings, side->created_ms, spell, s)) {
            carried = is_certain(settings, side, spell, s) ? CARRIED_CERTAIN : CARRIED_COUNTED;
            *earliest = *earliest == NULL ? spell : *earliest;
        } else if (is_possible(settings, side, spell, s)) {
            carried = CARRIED_POSSIBLE;
        }
        best = carried > best ? carried : best;
    }
    return best;
}

struct window side_window(const struct attribution_settings *settings, const struct side *side,
                          const struct spell *spell, struct span entry, struct span first_start,
                          int64_t as_of_ms, int64_t horizon_ms) {
    if (!tie_is_used(settings, side) || !tie_is_first(settings, side->created_ms, spell->start)) {
        return (struct window){INT64_MAX, INT64_MIN};
    }
    int64_t first = time_plus(side->created_ms, least_ms(settings->tie_days));
    first = max_of(first, entry.hi_ms);
    first = max_of(first, spell->start.hi_ms);
    first = max_of(first, time_plus(spell->start.lo_ms, least_ms(settings->job_days)));
    int64_t last = min_of(as_of_ms, first_start.lo_ms);
    last = min_of(last, tie_last_ms(settings, side));
    if (horizon_ms != INT64_MAX) {
        last = min_of(last, time_plus(side->created_ms, horizon_ms));
    }
    if (settings->alter_active && spell->end.hi_ms != INT64_MAX) {
        last = min_of(last, spell->end.hi_ms - 1);
    }
    return (struct window){first, last};
}
