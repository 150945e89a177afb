#include "schemas/tables.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* One list, so that a study's table begins as the other one is. */
static const struct column ties_columns[] = {
    {"from", COLUMN_U64, false},
    {"to", COLUMN_U64, false},
    {"created_at", COLUMN_TIME_MS, false},
    {"ended_at", COLUMN_TIME_MS, true},
    {"mutual", COLUMN_U32, false},
    {"degree_from", COLUMN_U32, false},
    {"degree_to", COLUMN_U32, false},
    {"union", COLUMN_U64, false},
    {"strength", COLUMN_F64, false},
    /* With a study: */
    {"origin", COLUMN_TEXT, false},
    {"tercile", COLUMN_TEXT, false},
    {"above_threshold", COLUMN_BOOL, false},
    {"above_median", COLUMN_BOOL, false},
    {"log2_bin", COLUMN_TEXT, false},
    {"strength_decile", COLUMN_U32, false},
    {"interactions", COLUMN_U64, true},
    {"interaction_rank", COLUMN_F64, true},
    {"same_industry", COLUMN_TEXT, true},
    {"seniority_gap_years", COLUMN_U64, true},
    {"reach", COLUMN_TEXT, true},
    {"coworker", COLUMN_TEXT, false},
    {"experiment", COLUMN_U64, true},
    {"variant", COLUMN_U64, true},
};
enum { TIES_COLUMNS = 9 };
static const struct column endings_columns[] = {
    {"member_low", COLUMN_U64, false},
    {"member_high", COLUMN_U64, false},
    {"ended_at", COLUMN_TIME_MS, false},
};
static const struct column late_columns[] = {
    {"at", COLUMN_TIME_MS, false}, {"from", COLUMN_U64, false},    {"to", COLUMN_U64, false},
    {"kind", COLUMN_TEXT, false},  {"origin", COLUMN_TEXT, false},
};
static const struct column quarantine_columns[] = {
    {"log", COLUMN_TEXT, false},    {"file", COLUMN_TEXT, false},    {"record", COLUMN_U64, false},
    {"reason", COLUMN_TEXT, false}, {"content", COLUMN_TEXT, false},
};
static const struct column quality_columns[] = {
    {"log", COLUMN_TEXT, false},
    {"check", COLUMN_TEXT, false},
    {"count", COLUMN_U64, false},
};

static const struct column moves_columns[] = {
    {"member", COLUMN_U64, false},
    {"company", COLUMN_U64, false},
    {"at", COLUMN_TIME_MS, false},
    {"precision", COLUMN_TEXT, false},
    {"kind", COLUMN_TEXT, false},
    {"previous_company", COLUMN_U64, true},
    {"contacts", COLUMN_U64, true},
    {"contacts_certain", COLUMN_U64, true},
    {"contacts_possible", COLUMN_U64, true},
    {"contacts_tied", COLUMN_U64, true},
    {"expected", COLUMN_F64, true},
    {"unmatched", COLUMN_U64, true},
    {"mass", COLUMN_BOOL, false},
};
static const struct column transmissions_columns[] = {
    {"mover", COLUMN_U64, false},
    {"contact", COLUMN_U64, false},
    {"company", COLUMN_U64, false},
    {"at", COLUMN_TIME_MS, false},
    {"tie_created_at", COLUMN_TIME_MS, false},
    {"tie_age_ms", COLUMN_U64, false},
    {"contact_tenure_ms", COLUMN_U64, true},
    {"mutual", COLUMN_U32, false},
    {"union", COLUMN_U64, false},
    {"strength", COLUMN_F64, false},
    {"interactions", COLUMN_U64, true},
    {"contact_active", COLUMN_BOOL, false},
    {"mover_invited", COLUMN_BOOL, false},
    {"certain", COLUMN_BOOL, false},
};
static const struct column attributions_columns[] = {
    {"mover", COLUMN_U64, false},   {"company", COLUMN_U64, false}, {"at", COLUMN_TIME_MS, false},
    {"contact", COLUMN_U64, false}, {"rule", COLUMN_TEXT, false},   {"credit", COLUMN_F64, false},
};
static const struct column members_columns[] = {
    {"member", COLUMN_U64, false},
    {"window", COLUMN_TEXT, false},
    {"from", COLUMN_TIME_MS, true},
    {"degree", COLUMN_U32, false},
    {"new_ties", COLUMN_U32, false},
    {"weak", COLUMN_U32, false},
    {"medium", COLUMN_U32, false},
    {"strong", COLUMN_U32, false},
    {"above_threshold", COLUMN_U32, false},
    {"transmissions", COLUMN_U32, false},
    {"moves", COLUMN_U32, false},
    {"moves_carried", COLUMN_U32, false},
    {"applications", COLUMN_U64, false},
    {"diversity", COLUMN_F64, true},
    {"industry_diversity", COLUMN_F64, true},
    {"reach_place", COLUMN_U32, false},
    {"reach_region", COLUMN_U32, false},
    {"reach_country", COLUMN_U32, false},
    {"reach_abroad", COLUMN_U32, false},
    {"reach_unknown", COLUMN_U32, false},
    {"experiment", COLUMN_U64, true},
    {"variant", COLUMN_U64, true},
};
static const struct column dose_columns[] = {
    {"measure", COLUMN_TEXT, false},
    {"bin", COLUMN_U32, false},
    {"label", COLUMN_TEXT, false},
    {"low", COLUMN_F64, true},
    {"high", COLUMN_F64, true},
    {"segment", COLUMN_TEXT, false},
    {"value", COLUMN_TEXT, false},
    {"sides", COLUMN_U64, false},
    {"at_risk", COLUMN_U64, false},
    {"exposure_ms", COLUMN_F64, false},
    {"transmitting", COLUMN_U64, false},
    {"transmissions", COLUMN_U64, false},
    {"rate", COLUMN_F64, true},
    {"wilson_low", COLUMN_F64, true},
    {"wilson_high", COLUMN_F64, true},
    {"standard_error", COLUMN_F64, true},
    {"low_95", COLUMN_F64, true},
    {"high_95", COLUMN_F64, true},
    {"credit_each", COLUMN_F64, false},
    {"credit_equal", COLUMN_F64, false},
    {"credit_last", COLUMN_F64, false},
    {"credit_strength", COLUMN_F64, false},
    {"expected", COLUMN_F64, false},
    {"excess", COLUMN_F64, false},
    {"pairs", COLUMN_U64, false},
    {"unmatched", COLUMN_U64, false},
    {"unmatched_transmissions", COLUMN_U64, false},
    {"share", COLUMN_F64, true},
};
static const struct column arms_columns[] = {
    {"experiment", COLUMN_U64, false}, {"variant", COLUMN_U64, false},
    {"part", COLUMN_TEXT, false},      {"fact", COLUMN_TEXT, false},
    {"members", COLUMN_U64, false},    {"share", COLUMN_F64, false},
    {"mean", COLUMN_F64, false},       {"variance", COLUMN_F64, true},
    {"difference", COLUMN_F64, true},  {"standard_error", COLUMN_F64, true},
    {"p", COLUMN_F64, true},
};
static const struct column placebos_columns[] = {
    {"placebo", COLUMN_TEXT, false},
    {"measure", COLUMN_TEXT, false},
    {"bin", COLUMN_U32, false},
    {"label", COLUMN_TEXT, false},
    {"pairs", COLUMN_U64, false},
    {"transmissions", COLUMN_U64, false},
    {"placebo_transmissions", COLUMN_U64, false},
};
static const struct column settings_columns[] = {
    {"name", COLUMN_TEXT, false},
    {"value", COLUMN_TEXT, false},
    {"meaning", COLUMN_TEXT, false},
};
static const struct column totals_columns[] = {
    {"name", COLUMN_TEXT, false},
    {"value", COLUMN_F64, false},
};
static const struct column revisions_columns[] = {
    {"member", COLUMN_U64, false},      {"company", COLUMN_U64, false},
    {"kind_before", COLUMN_TEXT, true}, {"at_before", COLUMN_TIME_MS, true},
    {"kind_after", COLUMN_TEXT, true},  {"at_after", COLUMN_TIME_MS, true},
};

const struct table table_ties = {"ties", ties_columns, TIES_COLUMNS,
                                 .key = {.first = 0, .second = 1, .is_pair = true}};
const struct table table_ties_of_study = {"ties", ties_columns, COUNT_OF(ties_columns),
                                          .key = {.first = 0, .second = 1, .is_pair = true},
                                          .is_cumulative = true};
const struct table table_endings = {"endings", endings_columns, COUNT_OF(endings_columns),
                                    .key = {.first = 0, .second = 1, .is_pair = true}};
const struct table table_late = {"late", late_columns, COUNT_OF(late_columns),
                                 .key = {.first = 1, .second = 2, .is_pair = true}};
const struct table table_quarantine = {"quarantine", quarantine_columns,
                                       COUNT_OF(quarantine_columns),
                                       .key = {.first = 1, .second = 2}};
const struct table table_quality = {"quality", quality_columns, COUNT_OF(quality_columns),
                                    .key = {.first = 0, .second = 1}};
const struct table table_moves = {"moves", moves_columns, COUNT_OF(moves_columns),
                                  .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_transmissions = {"transmissions", transmissions_columns,
                                          COUNT_OF(transmissions_columns),
                                          .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_attributions = {"attributions", attributions_columns,
                                         COUNT_OF(attributions_columns),
                                         .key = {.first = 0, .second = 3}, .is_cumulative = true};
const struct table table_members = {"members", members_columns, COUNT_OF(members_columns),
                                    .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_dose_response = {"dose_response", dose_columns, COUNT_OF(dose_columns),
                                          .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_segments = {"segments", dose_columns, COUNT_OF(dose_columns),
                                     .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_arms = {"arms", arms_columns, COUNT_OF(arms_columns),
                                 .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_placebos = {"placebos", placebos_columns, COUNT_OF(placebos_columns),
                                     .key = {.first = 0, .second = 2}, .is_cumulative = true};
const struct table table_settings = {"settings", settings_columns, COUNT_OF(settings_columns),
                                     .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_totals = {"totals", totals_columns, COUNT_OF(totals_columns),
                                   .key = {.first = 0, .second = 1}, .is_cumulative = true};
const struct table table_revisions = {"revisions", revisions_columns, COUNT_OF(revisions_columns),
                                      .key = {.first = 0, .second = 1}, .is_cumulative = true};
