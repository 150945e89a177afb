#include "stages/tie_store/pair_filter.h"

void pair_filter_release(struct pair_filter *filter) {
    pages_release(&filter->words);
    *filter = (struct pair_filter){0};
}

struct status pair_filter_reset(struct pair_filter *filter, uint64_t pairs, struct err *err) {
    pair_filter_release(filter);
    uint64_t word_count = pairs * 5 / 64 + 16;
    TRY(pages_grow(&filter->words, word_count * sizeof(uint64_t), "the filter of pairs", err));
    filter->word_count = word_count;
    return status_ok();
}
