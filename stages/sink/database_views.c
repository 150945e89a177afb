/* The views keep the names of the columns that they show, and put beside a count what it is a share
 * of: who opens one needs no other.
 *
 * Rejected: views per segment kind ("by_industry", ...), which would be ten times the same text:
 * `by_segment` has the kind in a column.
 */
#include "stages/sink/database_views.h"

const struct database_table database_tables[DATABASE_TABLES] = {
    {&table_dose_response,
     "how often jobs came through ties, by measure of tie strength and bin of it, over all sides"},
    {&table_segments, "the columns of dose_response again, for each segment and value of it"},
    {&table_arms, "outcomes, ties and balance by experiment and variant, against variant 0"},
    {&table_placebos, "what is counted where nothing can have been carried, by tercile"},
    {&table_quality, "where every record that was read has gone, by log and check"},
    {&table_settings, "the settings in force, the run's fingerprint, and what each means"},
    {&table_totals, "the numbers that sum up the whole study"},
    {&table_revisions, "moves of the generation before that later reports have changed"},
};

#define SHARE_AT_RISK                                                                              \
    " 1.0 * at_risk / nullif(sum(at_risk) OVER (PARTITION BY measure, segment, value), 0)"         \
    " AS share_at_risk"
#define EXPECTED_RATE " expected / nullif(at_risk, 0) AS expected_rate"
#define CURVE                                                                                      \
    " bin, label, low, high, sides, at_risk, transmitting, transmissions, rate, low_95, high_95,"  \
    " wilson_low, wilson_high," EXPECTED_RATE                                                      \
    ", excess, share AS share_of_transmissions," SHARE_AT_RISK                                     \
    ", pairs, unmatched, unmatched_transmissions"
#define OF_MEASURE(name)                                                                           \
    "SELECT" CURVE " FROM dose_response WHERE measure = '" name "' ORDER BY bin"
#define CREDIT(rule)                                                                               \
    "SELECT '" rule "' AS rule, measure, bin, label, credit_" rule " AS credit,"                   \
    " credit_" rule " / nullif(sum(credit_" rule ") OVER (PARTITION BY measure), 0) AS share"      \
    " FROM dose_response WHERE measure <> 'exact'"
#define CREDITS_OF_ALL_RULES                                                                       \
    CREDIT("each")                                                                                 \
    " UNION ALL " CREDIT("equal") " UNION ALL " CREDIT("last") " UNION ALL " CREDIT(               \
        "strength") " ORDER BY measure, rule, bin"
#define CHECK(name) ", sum(\"count\") FILTER (WHERE \"check\" = '" name "') AS " name
#define OR_NONE(name) " + coalesce(" name ", 0)"
#define QUALITY_BY_LOG                                                                             \
    "SELECT *, \"read\" = applied" OR_NONE("duplicate") OR_NONE("orphan") OR_NONE("self_loop")     \
        OR_NONE("late") OR_NONE("earlier")                                                         \
            OR_NONE("malformed") " AS adds_up FROM (SELECT log" CHECK("read") CHECK("applied")     \
                CHECK("duplicate") CHECK("orphan") CHECK("self_loop") CHECK("late")                \
                    CHECK("earlier") CHECK("malformed") CHECK("beyond") CHECK("unknown_member")    \
                        CHECK("backdated") " FROM quality GROUP BY log) ORDER BY log"

const struct database_view database_views[DATABASE_VIEWS] = {
    {"curve", OF_MEASURE("log2"),
     "rate by mutual connections in bins 0, 1, 2-3, 4-7, ...: the main curve, with its clustered "
     "95 % interval and the rate expected by chance"},
    {"curve_exact", OF_MEASURE("exact"), "the curve by each number of mutual connections"},
    {"terciles", OF_MEASURE("terciles"), "the curve by weak, medium and strong ties"},
    {"threshold", OF_MEASURE("threshold"),
     "the curve below and above one number of mutual "
     "connections"},
    {"equal_width", OF_MEASURE("width20"),
     "the curve by 20 equally wide bins from 0 to 35 mutual connections, larger ones apart"},
    {"strength_deciles", OF_MEASURE("strength"), "the curve by deciles of mutual / union"},
    {"intensity_deciles", OF_MEASURE("intensity"),
     "the curve by deciles of interactions; empty without a log of them"},
    {"share_by_bin",
     "SELECT measure, bin, label,"
     " 1.0 * sides / nullif(sum(sides) OVER (PARTITION BY measure), 0) AS "
     "share_of_sides," SHARE_AT_RISK ", share AS share_of_transmissions FROM dose_response"
     " ORDER BY measure, bin",
     "who could carry and who did: shares of sides, of sides at risk and of transmissions"},
    {"attribution_by_rule", CREDITS_OF_ALL_RULES,
     "credit for moves by bin, as each of the four rules deals it out"},
    {"by_segment",
     "SELECT segment, value, measure," CURVE " FROM segments WHERE measure <> 'exact'"
     " ORDER BY segment, value, measure, bin",
     "the curves again by segment: industry, reach, seniority, horizon and so on"},
    {"placebo_beside_real",
     "SELECT placebo, bin, label, pairs, transmissions, placebo_transmissions,"
     " 1.0 * transmissions / nullif(pairs, 0) AS rate,"
     " 1.0 * placebo_transmissions / nullif(pairs, 0) AS placebo_rate"
     " FROM placebos ORDER BY placebo, bin",
     "transmissions of equal spans of time before a move, and placebo ones behind it"},
    {"arms_against_control",
     "SELECT printf('%u', experiment) AS experiment, variant, part, fact, members, share, mean,"
     " difference, difference - 1.959963984540054 * standard_error AS low_95,"
     " difference + 1.959963984540054 * standard_error AS high_95, p"
     " FROM arms ORDER BY arms.experiment, variant, part, fact",
     "means by experiment and variant, and their difference from variant 0 with its 95 % interval"},
    {"quality_by_log", QUALITY_BY_LOG,
     "one row per log: records read, what became of them, and whether that adds up"},
    {"settings_in_force", "SELECT name, value, meaning FROM settings",
     "what counts as a job that came through a tie, setting by setting"},
};
