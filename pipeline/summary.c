#include "pipeline/summary.h"

#include <inttypes.h>

/* ceil(numerator * n / denominator), at least 1 for n >= 1. */
static uint64_t rank_of(uint64_t n, uint64_t numerator, uint64_t denominator) {
    return (uint64_t)(((unsigned __int128)n * numerator + denominator - 1) / denominator);
}

struct summary summary_of(const struct histogram *ties, const struct histogram *cohort) {
    struct summary summary = {.ties = ties->total};
    if (cohort->total != 0) {
        summary.weak_to = histogram_at_rank(cohort, rank_of(cohort->total, 1, 3));
        summary.medium_to = histogram_at_rank(cohort, rank_of(cohort->total, 2, 3));
    }
    if (ties->total == 0) {
        return summary;
    }
    summary.sum = histogram_sum(ties);
    summary.mean = histogram_mean(ties);
    summary.median = histogram_at_rank(ties, rank_of(ties->total, 1, 2));
    summary.p90 = histogram_at_rank(ties, rank_of(ties->total, 9, 10));
    summary.p99 = histogram_at_rank(ties, rank_of(ties->total, 99, 100));
    summary.max = histogram_at_rank(ties, ties->total);
    summary.weak = histogram_count_to(ties, summary.weak_to);
    uint64_t up_to_medium = histogram_count_to(ties, summary.medium_to);
    summary.medium = up_to_medium - summary.weak;
    summary.strong = ties->total - up_to_medium;
    return summary;
}

void summary_put(struct json_writer *writer, const char *key, const struct summary *summary) {
    json_object_begin(writer, key);
    json_put_u64(writer, "ties", summary->ties);
    json_put_u64(writer, "mutual_sum", summary->sum);
    json_put_double(writer, "mutual_mean", summary->mean);
    json_put_u64(writer, "mutual_median", summary->median);
    json_put_u64(writer, "mutual_p90", summary->p90);
    json_put_u64(writer, "mutual_p99", summary->p99);
    json_put_u64(writer, "mutual_max", summary->max);
    json_object_begin(writer, "terciles");
    json_put_u64(writer, "weak_to", summary->weak_to);
    json_put_u64(writer, "medium_to", summary->medium_to);
    json_put_u64(writer, "weak", summary->weak);
    json_put_u64(writer, "medium", summary->medium);
    json_put_u64(writer, "strong", summary->strong);
    json_object_end(writer);
    json_object_end(writer);
}

void summary_print(FILE *stream, const struct summary *summary) {
    fprintf(stream, "  ties      %" PRIu64 "\n", summary->ties);
    fprintf(stream,
            "  mutual    mean %.3f, median %" PRIu32 ", 90 %% %" PRIu32 ", 99 %% %" PRIu32
            ", max %" PRIu32 ", sum %" PRIu64 "\n",
            summary->mean, summary->median, summary->p90, summary->p99, summary->max, summary->sum);
    fprintf(stream,
            "  strength  weak (mutual <= %" PRIu32 ") %" PRIu64 ", medium (<= %" PRIu32 ") %" PRIu64
            ", strong %" PRIu64 "; cuts are the cohort's terciles\n",
            summary->weak_to, summary->weak, summary->medium_to, summary->medium, summary->strong);
}
