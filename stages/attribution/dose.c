/* A mover's sides are added up per cell first and go to the doses when the mover ends: the squares
 * that clustered errors need are of these sums, a line of memory per cell is touched instead of
 * three, and segments that depend on the mover alone (its industry, its variant) need no work per
 * side at all, since they hold the same as segment 0.
 *
 * Bins that are ranges of M are added up in the end from those of single M; only their squares are
 * formed per mover.
 *
 * Rejected: a hash of cells instead of arrays. Segments times values of M are some hundred thousand
 * cells, and memory that no side touches costs nothing (calloc maps it).
 */
#include "stages/attribution/dose.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* Of one mover, in one cell: what every side has. */
struct cluster {
    unsigned __int128 exposure_ms;
    uint32_t sides; /* 0 between movers, as is all else */
    uint32_t at_risk;
    uint32_t transmitting;
};

/* What few sides have. */
struct events {
    uint64_t pairs;
    uint64_t unmatched;
    uint64_t unmatched_transmissions;
    uint64_t expected;
    uint64_t transmissions;
    uint64_t credit[CREDIT_RULES];
};

struct touched {
    uint32_t bin;
    uint32_t segment;
};

/* One measure's cells. */
struct cells {
    size_t bins;
    struct dose *doses;
    struct cluster *clusters;
    struct events *events;   /* NULL for bins that are ranges of M */
    struct touched *touched; /* the cells whose clusters have sides */
    size_t touched_count;
};

struct dose_table {
    const struct classes *classes;
    const uint8_t *horizon_of;
    size_t segments;
    struct cells cells[MEASURES];
    uint8_t *ranges[MEASURES]; /* bin of a measure of ranges, by bin of MEASURE_EXACT */
    uint32_t *exact;           /* bin of MEASURE_EXACT, by M */
};

static bool is_of_ranges(int measure) {
    return measure > MEASURE_EXACT && measure < MEASURE_STRENGTH;
}

static struct status bins_init(struct dose_table *table, struct err *err) {
    const struct classes *classes = table->classes;
    size_t count = classes->value_count;
    size_t values = count == 0 ? 0 : (size_t)classes->values[count - 1] + 1;
    table->exact = calloc(values + 1, sizeof *table->exact);
    if (table->exact == NULL) {
        return err_memory(err, values * sizeof *table->exact, "the bins");
    }
    for (size_t i = 0; i < count; i++) {
        table->exact[classes->values[i]] = (uint32_t)i;
    }
    for (int m = 0; m < MEASURES; m++) {
        if (!is_of_ranges(m)) {
            continue;
        }
        table->ranges[m] = malloc(count + 1);
        if (table->ranges[m] == NULL) {
            return err_memory(err, count, "the bins");
        }
        for (size_t i = 0; i < count; i++) {
            table->ranges[m][i] = (uint8_t)mutual_bin(classes, (enum measure)m, classes->values[i]);
        }
    }
    return status_ok();
}

static struct status cells_init(struct cells *cells, size_t bins, size_t segments, bool has_events,
                                struct err *err) {
    size_t count = bins * segments + 1;
    cells->bins = bins;
    cells->doses = calloc(count, sizeof *cells->doses);
    cells->clusters = calloc(count, sizeof *cells->clusters);
    cells->events = has_events ? calloc(count, sizeof *cells->events) : NULL;
    cells->touched = calloc(count, sizeof *cells->touched);
    if (cells->doses == NULL || cells->clusters == NULL || cells->touched == NULL ||
        (has_events && cells->events == NULL)) {
        return err_memory(err, count * sizeof *cells->doses, "the dose-response");
    }
    return status_ok();
}

struct status dose_table_new(struct dose_table **table, const struct classes *classes,
                             size_t segments, const uint8_t *horizon_of, struct err *err) {
    struct dose_table *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the dose-response");
    }
    made->classes = classes;
    made->horizon_of = horizon_of;
    made->segments = segments;
    struct status status = bins_init(made, err);
    for (int m = 0; m < MEASURES && !failed(status); m++) {
        status = cells_init(&made->cells[m], measure_bins(classes, (enum measure)m), segments,
                            !is_of_ranges(m), err);
    }
    if (failed(status)) {
        dose_table_free(made);
        return status;
    }
    *table = made;
    return status;
}

void dose_table_free(struct dose_table *table) {
    if (table == NULL) {
        return;
    }
    for (int m = 0; m < MEASURES; m++) {
        free(table->cells[m].doses);
        free(table->cells[m].clusters);
        free(table->cells[m].events);
        free(table->cells[m].touched);
        free(table->ranges[m]);
    }
    free(table->exact);
    free(table);
}

/* The mover's cluster in the cell, which is on the list from now on. */
static struct cluster *cluster_touch(struct cells *cells, size_t segment, size_t bin) {
    struct cluster *cluster = &cells->clusters[segment * cells->bins + bin];
    if (cluster->sides == 0) {
        cells->touched[cells->touched_count++] =
            (struct touched){.bin = (uint32_t)bin, .segment = (uint32_t)segment};
    }
    return cluster;
}

static void cell_add(struct cells *cells, size_t segment, size_t bin, const struct tally *tally) {
    struct cluster *cluster = cluster_touch(cells, segment, bin);
    cluster->sides++;
    cluster->at_risk += tally->exposure_ms != 0;
    cluster->exposure_ms += tally->exposure_ms;
    if (tally->pairs == 0) {
        return;
    }
    struct events *events = &cells->events[segment * cells->bins + bin];
    events->pairs += tally->pairs;
    events->unmatched += tally->unmatched;
    events->unmatched_transmissions += tally->unmatched_transmissions;
    events->expected += tally->expected;
    if (tally->transmissions != 0) {
        cluster->transmitting++;
        events->transmissions += tally->transmissions;
        for (int rule = 0; rule < CREDIT_RULES; rule++) {
            events->credit[rule] += tally->credit[rule];
        }
    }
}

void dose_table_add(struct dose_table *table, const struct side *side, const uint16_t *segments,
                    size_t segment_count, const struct tally *tallies, const struct tally *late) {
    size_t exact = table->exact[side->mutual];
    size_t strength = side_bin(table->classes, MEASURE_STRENGTH, side);
    for (size_t i = 0; i < segment_count; i++) {
        const struct tally *tally = &tallies[table->horizon_of[segments[i]]];
        cell_add(&table->cells[MEASURE_EXACT], segments[i], exact, tally);
        cell_add(&table->cells[MEASURE_STRENGTH], segments[i], strength, tally);
    }
    if (late != NULL) {
        size_t intensity = side_bin(table->classes, MEASURE_INTENSITY, side);
        for (size_t i = 0; i < segment_count; i++) {
            cell_add(&table->cells[MEASURE_INTENSITY], segments[i], intensity,
                     &late[table->horizon_of[segments[i]]]);
        }
    }
}

/* The mover's clusters of single M, as clusters of ranges of M. */
static void clusters_gather(struct dose_table *table) {
    const struct cells *exact = &table->cells[MEASURE_EXACT];
    for (size_t i = 0; i < exact->touched_count; i++) {
        struct touched touched = exact->touched[i];
        const struct cluster *from = &exact->clusters[touched.segment * exact->bins + touched.bin];
        for (int m = MEASURE_EXACT + 1; m < MEASURE_STRENGTH; m++) {
            struct cluster *to =
                cluster_touch(&table->cells[m], touched.segment, table->ranges[m][touched.bin]);
            to->sides += from->sides;
            to->at_risk += from->at_risk;
            to->transmitting += from->transmitting;
        }
    }
}

static void dose_add_cluster(struct dose *dose, const struct cluster *cluster) {
    uint64_t n = cluster->at_risk;
    uint64_t y = cluster->transmitting;
    dose->sum_nn += n * n;
    dose->sum_yn += n * y;
    dose->sum_yy += y * y;
}

static void dose_add_mover(struct dose *dose, const struct cluster *cluster,
                           const struct events *events) {
    dose->sides += cluster->sides;
    dose->at_risk += cluster->at_risk;
    dose->exposure_ms += cluster->exposure_ms;
    dose->transmitting += cluster->transmitting;
    if (events->pairs == 0) {
        return;
    }
    dose->pairs += events->pairs;
    dose->unmatched += events->unmatched;
    dose->unmatched_transmissions += events->unmatched_transmissions;
    dose->expected += events->expected;
    dose->transmissions += events->transmissions;
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        dose->credit[rule] += events->credit[rule];
    }
}

static void cell_flush(struct cells *cells, size_t segment, size_t bin,
                       const struct cluster *cluster, const struct events *events) {
    struct dose *dose = &cells->doses[segment * cells->bins + bin];
    dose_add_cluster(dose, cluster);
    if (events != NULL) {
        dose_add_mover(dose, cluster, events);
    }
}

static void cells_flush(struct cells *cells, const uint16_t *segments, size_t segment_count) {
    for (size_t i = 0; i < cells->touched_count; i++) {
        struct touched touched = cells->touched[i];
        size_t at = touched.segment * cells->bins + touched.bin;
        struct cluster *cluster = &cells->clusters[at];
        struct events *events = cells->events == NULL ? NULL : &cells->events[at];
        cell_flush(cells, touched.segment, touched.bin, cluster, events);
        for (size_t k = 0; k < segment_count && touched.segment == 0; k++) {
            cell_flush(cells, segments[k], touched.bin, cluster, events);
        }
        *cluster = (struct cluster){0};
        if (events != NULL && events->pairs != 0) {
            *events = (struct events){0};
        }
    }
    cells->touched_count = 0;
}

void dose_table_end_mover(struct dose_table *table, const uint16_t *segments,
                          size_t segment_count) {
    clusters_gather(table);
    for (int m = 0; m < MEASURES; m++) {
        cells_flush(&table->cells[m], segments, segment_count);
    }
}

/* All but the squares of clusters. */
static void dose_add_sums(struct dose *dose, const struct dose *other) {
    dose->sides += other->sides;
    dose->at_risk += other->at_risk;
    dose->exposure_ms += other->exposure_ms;
    dose->transmitting += other->transmitting;
    dose->transmissions += other->transmissions;
    for (int rule = 0; rule < CREDIT_RULES; rule++) {
        dose->credit[rule] += other->credit[rule];
    }
    dose->pairs += other->pairs;
    dose->unmatched += other->unmatched;
    dose->unmatched_transmissions += other->unmatched_transmissions;
    dose->expected += other->expected;
}

static void dose_add_squares(struct dose *dose, const struct dose *other) {
    dose->sum_yy += other->sum_yy;
    dose->sum_yn += other->sum_yn;
    dose->sum_nn += other->sum_nn;
}

void dose_table_merge(struct dose_table *table, const struct dose_table *other) {
    for (int m = 0; m < MEASURES; m++) {
        size_t count = table->cells[m].bins * table->segments;
        assert(table->segments == other->segments && table->cells[m].bins == other->cells[m].bins);
        for (size_t i = 0; i < count; i++) {
            dose_add_sums(&table->cells[m].doses[i], &other->cells[m].doses[i]);
            dose_add_squares(&table->cells[m].doses[i], &other->cells[m].doses[i]);
        }
    }
}

void dose_table_take(struct dose_table *table, struct dose *doses[MEASURES]) {
    const struct cells *exact = &table->cells[MEASURE_EXACT];
    for (size_t segment = 0; segment < table->segments; segment++) {
        for (size_t bin = 0; bin < exact->bins; bin++) {
            const struct dose *dose = &exact->doses[segment * exact->bins + bin];
            for (int m = MEASURE_EXACT + 1; m < MEASURE_STRENGTH && dose->sides != 0; m++) {
                struct cells *cells = &table->cells[m];
                dose_add_sums(&cells->doses[segment * cells->bins + table->ranges[m][bin]], dose);
            }
        }
    }
    for (int m = 0; m < MEASURES; m++) {
        doses[m] = table->cells[m].doses;
        table->cells[m].doses = NULL;
    }
}

/* N^2 sum_yy - 2 N Y sum_yn + Y^2 sum_nn, modulo 2^128. The terms may wrap, the result is right
 * all the same: it is N^2 sum_nn at most, which is below 2^128 for N below 2^32. */
double dose_standard_error(const struct dose *dose) {
    if (dose->at_risk == 0) {
        return 0;
    }
    unsigned __int128 n = dose->at_risk;
    unsigned __int128 y = dose->transmitting;
    unsigned __int128 squares =
        n * n * dose->sum_yy - 2 * n * y * dose->sum_yn + y * y * dose->sum_nn;
    double at_risk = (double)dose->at_risk;
    return sqrt((double)squares) / (at_risk * at_risk);
}

void dose_wilson(const struct dose *dose, double *low, double *high) {
    if (dose->at_risk == 0) {
        *low = *high = NAN;
        return;
    }
    const double z = 1.959963984540054;
    double n = (double)dose->at_risk;
    double y = (double)dose->transmitting;
    double centre = (y + z * z / 2) / (n + z * z);
    double half = z / (n + z * z) * sqrt(y * (n - y) / n + z * z / 4);
    *low = fmax(0, centre - half);
    *high = fmin(1, centre + half);
}
