/* Segments: the groups of sides that the dose-response is computed for again (definitions, 6).
 *
 * A segment is a kind and a value of it ("reach", "abroad"). A side is in one segment of each kind
 * that the inputs allow (kinds whose facts are missing do not occur), of the horizons in all that
 * it has been observed for. Segment 0 is all sides.
 *
 * Order: kinds as enumerated; within a kind industries and variants by number, "unknown" and "none"
 * last, the others from the smallest on. Who was assigned to an experiment more than once is in the
 * variant of the earliest assignment, the smallest on equal time; assignments after as_of do not
 * count.
 */
#ifndef TIEFLOW_STAGES_ATTRIBUTION_SEGMENTS_H
#define TIEFLOW_STAGES_ATTRIBUTION_SEGMENTS_H

#include "schemas/settings.h"
#include "schemas/status.h"
#include "stages/attribution/side.h"
#include "stages/careers/careers.h"
#include "stages/facts/people.h"
#include "stages/facts/profiles.h"
#include "stages/tie_store/histogram.h"

#include <stddef.h>
#include <stdint.h>

/* All sides; the mover's industry; its half of each ranking; same or different industry by
 * seniority gap (0-2, 3-5, 6-10, 11+ years, unknown); coworker: never, past, current, at the tie's
 * creation; reach: place, region, country, abroad, unknown; decile of the mover's degree at the
 * tie's creation among all sides; horizon; quartile of the Blau index of industries among the
 * contacts of the mover's medium ties; variant of each experiment. */
enum segment_kind {
    SEGMENT_ALL,
    SEGMENT_INDUSTRY,
    SEGMENT_IT,
    SEGMENT_SOFTWARE,
    SEGMENT_ML,
    SEGMENT_AI,
    SEGMENT_ROBOTS,
    SEGMENT_REMOTE,
    SEGMENT_SENIORITY,
    SEGMENT_COWORKER,
    SEGMENT_REACH,
    SEGMENT_DEGREE,
    SEGMENT_HORIZON,
    SEGMENT_DIVERSITY,
    SEGMENT_VARIANT,
    SEGMENT_KINDS,
};
const char *segment_kind_name(enum segment_kind kind);

enum { SEGMENT_VALUE_BYTES = 64 };
struct segment_label {
    enum segment_kind kind;
    char value[SEGMENT_VALUE_BYTES];
    int64_t horizon_ms; /* INT64_MAX but for horizons */
};

/* What segments are drawn from. Everything is lent and outlives the segments. */
struct segment_inputs {
    const struct people *people;
    const struct profiles *profiles;
    const struct careers *careers;
    const struct fact_table *assignments; /* finished */
    const struct histogram *side_degrees; /* D(mover) of all sides */
    const float *diversity; /* Blau index per person, NAN: none; NULL: no such segments */
    int64_t as_of_ms;
};

struct segments;
FALLIBLE segments_new(struct segments **segments, const struct segment_inputs *inputs,
                      struct err *err);
void segments_free(struct segments *segments);
size_t segments_count(const struct segments *segments);
const struct segment_label *segments_label(const struct segments *segments, size_t segment);

/* The segments of a side, ascending, into `of_side` (room for SEGMENTS_OF_SIDE_MAX); returns how
 * many. Frozen: may be called by several threads. */
enum { SEGMENTS_OF_SIDE_MAX = 64 }; /* experiments beyond what fits are refused by segments_new */
size_t segments_of_side(const struct segments *segments, uint32_t mover, const struct side *side,
                        uint16_t of_side[SEGMENTS_OF_SIDE_MAX]);

/* What two people are compared by: a copy of their profiles in one piece each, since a side asks
 * for all of it and its contact may be anyone. PROFILE_UNKNOWN where not known; the year 0. */
struct traits {
    _Alignas(32) uint32_t industry;
    uint32_t country;
    uint32_t region;
    uint32_t place;
    uint16_t career_start_year;
};
/* Of all people; lent until the segments are freed. */
const struct traits *segments_traits(const struct segments *segments);

/* Parts of it that tables show too. Two people are coworkers once spells of theirs at one company,
 * begun before the instant, have overlapped (neither ends before the other starts); current while
 * neither of such a pair has ended before the instant. */
enum coworker { COWORKER_NEVER, COWORKER_PAST, COWORKER_CURRENT };
const char *coworker_name(enum coworker coworker);
enum coworker coworker_at(const struct careers *careers, uint32_t a, uint32_t b, int64_t at_ms);
/* The finest of place, region and country that is known of both and the same; abroad where both
 * countries are known and nothing is the same; else unknown. */
enum reach { REACH_PLACE, REACH_REGION, REACH_COUNTRY, REACH_ABROAD, REACH_UNKNOWN, REACHES };
enum reach traits_reach(const struct traits *a, const struct traits *b);
const char *reach_name(enum reach reach);
enum reach reach_between(const struct profiles *profiles, uint32_t a, uint32_t b);

#endif
