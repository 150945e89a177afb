/* Bins of M and of interactions are found by searching the values that occur: there are some
 * thousands of them at most, and whoever needs a bin per tie of a graph makes a table first.
 */
#include "stages/attribution/classes.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH_BINS = 20, WIDTH_TOP = 35, DECILES = 10 };

const char *measure_name(enum measure measure) {
    static const char *const names[MEASURES] = {
        [MEASURE_EXACT] = "exact",         [MEASURE_LOG2] = "log2",
        [MEASURE_TERCILES] = "terciles",   [MEASURE_THRESHOLD] = "threshold",
        [MEASURE_WIDTH20] = "width20",     [MEASURE_STRENGTH] = "strength",
        [MEASURE_INTENSITY] = "intensity",
    };
    assert((unsigned)measure < MEASURES);
    return names[measure];
}

void classes_release(struct classes *classes) {
    free(classes->values);
    free(classes->interactions);
    free(classes->interaction_decile);
    free(classes->interaction_ties);
    free(classes->interaction_rank);
    *classes = (struct classes){0};
}

struct status classes_set_mutual(struct classes *classes, const struct histogram *mutual,
                                 uint32_t threshold, struct err *err) {
    classes->ties = mutual->total;
    classes->threshold = threshold;
    for (size_t value = 0; value < mutual->size; value++) {
        classes->value_count += mutual->counts[value] != 0;
    }
    classes->values = calloc(classes->value_count + 1, sizeof *classes->values);
    if (classes->values == NULL) {
        classes->value_count = 0;
        return err_memory(err, mutual->size * sizeof *classes->values, "the bins");
    }
    size_t at = 0;
    for (size_t value = 0; value < mutual->size; value++) {
        if (mutual->counts[value] != 0) {
            classes->values[at++] = (uint32_t)value;
        }
    }
    for (uint64_t k = 1; k <= 2 && mutual->total != 0; k++) {
        classes->tercile_cut[k - 1] = histogram_at_rank(mutual, (k * mutual->total + 2) / 3);
    }
    return status_ok();
}

struct status classes_set_interactions(struct classes *classes, const uint32_t *counts,
                                       const uint64_t *ties, size_t count, struct err *err) {
    classes->interactions = malloc(count * sizeof *classes->interactions + 1);
    classes->interaction_decile = malloc(count * sizeof *classes->interaction_decile + 1);
    classes->interaction_ties = malloc(count * sizeof *classes->interaction_ties + 1);
    classes->interaction_rank = malloc(count * sizeof *classes->interaction_rank + 1);
    if (classes->interactions == NULL || classes->interaction_decile == NULL ||
        classes->interaction_ties == NULL || classes->interaction_rank == NULL) {
        return err_memory(err, count * 21, "the bins");
    }
    uint64_t total = 0;
    for (size_t k = 0; k < count; k++) {
        assert(ties[k] != 0 && (k == 0 || counts[k - 1] < counts[k]));
        total += ties[k];
    }
    uint64_t below = 0;
    for (size_t k = 0; k < count; k++) {
        uint64_t twice_the_middle = below + 1 + below + ties[k];
        uint64_t decile = twice_the_middle * (DECILES / 2) / total;
        classes->interactions[k] = counts[k];
        classes->interaction_ties[k] = ties[k];
        classes->interaction_decile[k] = (uint8_t)(decile < DECILES ? decile : DECILES - 1);
        classes->interaction_rank[k] = (double)twice_the_middle / (double)(2 * total);
        below += ties[k];
    }
    classes->interaction_count = count;
    classes->has_intensity = true;
    return status_ok();
}

/* Where the value, which must occur, stands among ascending ones. */
static size_t position_of(const uint32_t *values, size_t count, uint32_t value) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (values[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low < count && values[low] == value);
    return low;
}

double interaction_rank(const struct classes *classes, uint32_t interactions) {
    return classes->interaction_rank[position_of(classes->interactions, classes->interaction_count,
                                                 interactions)];
}

static size_t log2_bin(uint32_t mutual) {
    return mutual == 0 ? 0 : (size_t)(32 - __builtin_clz(mutual));
}

size_t measure_bins(const struct classes *classes, enum measure measure) {
    switch (measure) {
    case MEASURE_EXACT:
        return classes->value_count;
    case MEASURE_LOG2:
        return classes->value_count == 0 ? 0
                                         : log2_bin(classes->values[classes->value_count - 1]) + 1;
    case MEASURE_TERCILES:
        return TERCILES;
    case MEASURE_THRESHOLD:
        return 2;
    case MEASURE_WIDTH20:
        return WIDTH_BINS + 1;
    case MEASURE_STRENGTH:
        return DECILES;
    case MEASURE_INTENSITY:
        return classes->has_intensity ? DECILES : 0;
    case MEASURES:
        break;
    }
    assert(false);
    return 0;
}

size_t mutual_bin(const struct classes *classes, enum measure measure, uint32_t mutual) {
    switch (measure) {
    case MEASURE_EXACT:
        return position_of(classes->values, classes->value_count, mutual);
    case MEASURE_LOG2:
        return log2_bin(mutual);
    case MEASURE_TERCILES:
        return mutual <= classes->tercile_cut[0]   ? TERCILE_WEAK
               : mutual <= classes->tercile_cut[1] ? TERCILE_MEDIUM
                                                   : TERCILE_STRONG;
    case MEASURE_THRESHOLD:
        return mutual > classes->threshold;
    case MEASURE_WIDTH20: {
        uint64_t bin = (uint64_t)mutual * WIDTH_BINS / WIDTH_TOP;
        return mutual > WIDTH_TOP ? WIDTH_BINS : bin < WIDTH_BINS ? bin : WIDTH_BINS - 1;
    }
    default:
        assert(false);
        return 0;
    }
}

size_t side_bin(const struct classes *classes, enum measure measure, const struct side *side) {
    if (measure == MEASURE_STRENGTH) {
        double strength = side_strength(side);
        size_t bin = 0;
        while (bin < DECILES - 1 && strength > classes->strength_cut[bin]) {
            bin++;
        }
        return bin;
    }
    if (measure == MEASURE_INTENSITY) {
        return classes->interaction_decile[position_of(
            classes->interactions, classes->interaction_count, side->interactions)];
    }
    return mutual_bin(classes, measure, side->mutual);
}

/* Bins of M that are ranges of whole numbers, both ends in them. */
static void label_range(struct bin_label *label, uint64_t low, uint64_t high) {
    label->low = (double)low;
    label->high = (double)high;
    if (low == high) {
        snprintf(label->text, sizeof label->text, "%" PRIu64, low);
    } else {
        snprintf(label->text, sizeof label->text, "%" PRIu64 "-%" PRIu64, low, high);
    }
}

static void label_above(struct bin_label *label, uint64_t below) {
    snprintf(label->text, sizeof label->text, ">%" PRIu64, below);
    label->low = (double)below + 1;
    label->high = INFINITY;
}

static void label_tercile(const struct classes *classes, size_t bin, struct bin_label *label) {
    static const char *const names[TERCILES] = {"weak", "medium", "strong"};
    label->low = bin == 0 ? 0 : (double)classes->tercile_cut[bin - 1] + 1;
    label->high = bin == TERCILE_STRONG ? INFINITY : (double)classes->tercile_cut[bin];
    if (label->low > label->high) {
        label->low = label->high = NAN;
    }
    snprintf(label->text, sizeof label->text, "%s", names[bin]);
}

static void label_decile(const struct classes *classes, enum measure measure, size_t bin,
                         struct bin_label *label) {
    snprintf(label->text, sizeof label->text, "D%zu", bin + 1);
    if (measure == MEASURE_STRENGTH) {
        label->low = bin == 0 ? 0 : classes->strength_cut[bin - 1];
        label->high = bin == DECILES - 1 ? 1 : classes->strength_cut[bin];
        if (bin != 0 && label->low == label->high) {
            label->low = label->high = NAN;
        }
        return;
    }
    label->low = label->high = NAN;
    for (size_t k = 0; k < classes->interaction_count; k++) {
        if (classes->interaction_decile[k] == bin) {
            label->low = isnan(label->low) ? classes->interactions[k] : label->low;
            label->high = classes->interactions[k];
        }
    }
}

void measure_label(const struct classes *classes, enum measure measure, size_t bin,
                   struct bin_label *label) {
    assert(bin < measure_bins(classes, measure));
    *label = (struct bin_label){0};
    switch (measure) {
    case MEASURE_EXACT:
        label_range(label, classes->values[bin], classes->values[bin]);
        return;
    case MEASURE_LOG2:
        label_range(label, bin == 0 ? 0 : UINT64_C(1) << (bin - 1),
                    bin == 0 ? 0 : (UINT64_C(1) << bin) - 1);
        return;
    case MEASURE_TERCILES:
        label_tercile(classes, bin, label);
        return;
    case MEASURE_THRESHOLD:
        if (bin == 1) {
            label_above(label, classes->threshold);
        } else {
            label_range(label, 0, classes->threshold);
        }
        return;
    case MEASURE_WIDTH20:
        if (bin == WIDTH_BINS) {
            label_above(label, WIDTH_TOP);
        } else {
            size_t low = (bin * WIDTH_TOP + WIDTH_BINS - 1) / WIDTH_BINS;
            size_t next = ((bin + 1) * WIDTH_TOP + WIDTH_BINS - 1) / WIDTH_BINS;
            label_range(label, low, bin == WIDTH_BINS - 1 ? WIDTH_TOP : next - 1);
        }
        return;
    case MEASURE_STRENGTH:
    case MEASURE_INTENSITY:
        label_decile(classes, measure, bin, label);
        return;
    case MEASURES:
        assert(false);
    }
}
