/* Two bits per tie are looked at, one of each member: they fit into the caches, where what is known
 * of members and endings does not. The frames of the segments are unpacked on all threads
 * meanwhile, which costs more than the look. What is kept waits in blocks by group, in the order of
 * the ties, so sorting a group by mover later is a counting sort of what fits into a cache.
 *
 * Rejected: looking at who was ever at the company of the move as well. It would keep fewer sides,
 * but contacts_tied counts them all.
 */
#include "stages/attribution/mover_ties.h"

#include "stages/tie_store/ending_index.h"
#include "stages/tie_store/tie_segment.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64, GROUPS_MAX = 8192, BLOCK_SIDES = 256, AHEAD = 16 };

/* A side on its way to its group. */
struct kept {
    int64_t created_ms;
    uint64_t tie;     /* number */
    uint32_t person;  /* the mover */
    uint32_t contact; /* node */
    uint32_t mutual;
    uint32_t degree_mover;
    uint32_t degree_contact;
    bool mover_invited;
};

struct kept_block {
    struct kept_block *next;
    size_t count;
    struct kept items[BLOCK_SIDES];
};

struct kept_list {
    struct kept_block *first;
    struct kept_block *last;
    size_t count;
};

/* Somebody with a move, and a tie. */
struct mover_key {
    int64_t until_ms; /* ties made from here on are of no use */
    uint32_t person;
};

struct mover_ties {
    struct mover_ties_inputs inputs;
    uint64_t *is_mover;    /* a bit per node */
    uint32_t *rank;        /* movers before each word of the bits */
    struct mover_key *key; /* of the movers, by node */
    unsigned group_bits;
    size_t group_count;
    struct kept_list *groups;
    size_t first_group; /* of the walk; groups [first_group, end_group) are kept */
    size_t end_group;
    uint64_t kept_max;
    uint64_t kept_count;
    uint64_t walked;
    struct ending_index endings; /* of movers' ties; filled by the first walk */
    bool has_endings;
    uint32_t hits[TIE_SEGMENT_FRAME_ITEMS]; /* ties of the block with a mover */
};

static void list_release(struct kept_list *list) {
    while (list->first != NULL) {
        struct kept_block *next = list->first->next;
        free(list->first);
        list->first = next;
    }
    *list = (struct kept_list){0};
}

void mover_ties_free(struct mover_ties *ties) {
    if (ties == NULL) {
        return;
    }
    for (size_t i = 0; ties->groups != NULL && i < ties->group_count; i++) {
        list_release(&ties->groups[i]);
    }
    ending_index_release(&ties->endings);
    free(ties->is_mover);
    free(ties->rank);
    free(ties->key);
    free(ties->groups);
    free(ties);
}

/* --- who moved --- */

/* INT64_MIN for who has no move. */
static int64_t moves_end(const struct careers *careers, uint32_t person) {
    int64_t until_ms = INT64_MIN;
    for (size_t i = careers->move_begin[person]; i < careers->move_begin[person + 1]; i++) {
        const struct move *move = &careers->moves[i];
        if (move->kind == MOVE_MOVE && move->at.hi_ms > until_ms) {
            until_ms = move->at.hi_ms;
        }
    }
    return until_ms;
}

static struct status keys_fill(struct mover_ties *ties, struct err *err) {
    const struct people *people = ties->inputs.people;
    size_t words = people->node_count / WORD_BITS + 1;
    size_t movers = 0;
    ties->is_mover = calloc(words, sizeof *ties->is_mover);
    ties->rank = calloc(words, sizeof *ties->rank);
    if (ties->is_mover == NULL || ties->rank == NULL) {
        return err_memory(err, words * 12, "those who moved");
    }
    for (uint32_t node = 0; node < people->node_count; node++) {
        bool moved = moves_end(ties->inputs.careers, people->of_node[node]) != INT64_MIN;
        ties->is_mover[node / WORD_BITS] |= (uint64_t)moved << node % WORD_BITS;
        movers += moved;
    }
    ties->key = calloc(movers + 1, sizeof *ties->key);
    if (ties->key == NULL) {
        return err_memory(err, movers * sizeof *ties->key, "those who moved");
    }
    uint32_t rank = 0;
    for (size_t word = 0; word < words; word++) {
        ties->rank[word] = rank;
        for (uint64_t bits = ties->is_mover[word]; bits != 0; bits &= bits - 1) {
            size_t node = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
            uint32_t person = people->of_node[node];
            ties->key[rank++] = (struct mover_key){moves_end(ties->inputs.careers, person), person};
        }
    }
    return status_ok();
}

static struct status ties_fill(struct mover_ties *ties, struct err *err) {
    size_t people = ties->inputs.people->count;
    while (people >> ties->group_bits >= GROUPS_MAX) {
        ties->group_bits++;
    }
    ties->group_count = (people >> ties->group_bits) + 1;
    ties->kept_max = ties->inputs.memory_bytes / sizeof(struct kept);
    ties->groups = calloc(ties->group_count, sizeof *ties->groups);
    if (ties->groups == NULL) {
        return err_memory(err, ties->group_count * sizeof *ties->groups, "those who moved");
    }
    return keys_fill(ties, err);
}

struct status mover_ties_new(struct mover_ties **ties, const struct mover_ties_inputs *inputs,
                             struct err *err) {
    struct mover_ties *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "the ties of those who moved");
    }
    made->inputs = *inputs;
    struct status status = ties_fill(made, err);
    if (failed(status)) {
        mover_ties_free(made);
        return status;
    }
    *ties = made;
    return status;
}

size_t mover_ties_group_people(const struct mover_ties *ties) {
    return (size_t)1 << ties->group_bits;
}

uint64_t mover_ties_count(const struct mover_ties *ties) {
    return ties->walked;
}

/* --- the walk --- */

static bool has_moved(const struct mover_ties *ties, uint32_t node) {
    return (ties->is_mover[node / WORD_BITS] >> node % WORD_BITS & 1) != 0;
}

/* The last groups wait for the next walk; the first of this one stays. */
static void groups_give_up(struct mover_ties *ties) {
    while (ties->kept_count >= ties->kept_max && ties->end_group > ties->first_group + 1) {
        struct kept_list *list = &ties->groups[--ties->end_group];
        ties->kept_count -= list->count;
        list_release(list);
    }
}

/* The place for one more side of the group; NULL where there is no memory. */
static struct kept *list_extend(struct kept_list *list) {
    if (list->last == NULL || list->last->count == BLOCK_SIDES) {
        struct kept_block *block = malloc(sizeof *block);
        if (block == NULL) {
            return NULL;
        }
        block->next = NULL;
        block->count = 0;
        *(list->last == NULL ? &list->first : &list->last->next) = block;
        list->last = block;
    }
    list->count++;
    return &list->last->items[list->last->count++];
}

/* Keeps a side whose mover is the node, where it is of use. */
static struct status side_keep(struct mover_ties *ties, uint32_t node, const struct kept *side,
                               struct err *err) {
    if (!has_moved(ties, node)) {
        return status_ok();
    }
    uint64_t below = ties->is_mover[node / WORD_BITS] & ((UINT64_C(1) << node % WORD_BITS) - 1);
    const struct mover_key *key =
        &ties->key[ties->rank[node / WORD_BITS] + (uint32_t)__builtin_popcountll(below)];
    size_t group = key->person >> ties->group_bits;
    if (side->created_ms >= key->until_ms || group < ties->first_group ||
        group >= ties->end_group) {
        return status_ok();
    }
    struct kept *kept = list_extend(&ties->groups[group]);
    if (kept == NULL) {
        return err_memory(err, sizeof(struct kept_block), "the ties of those who moved");
    }
    *kept = *side;
    kept->person = key->person;
    if (++ties->kept_count > ties->kept_max) {
        groups_give_up(ties);
    }
    return status_ok();
}

static struct status ties_keep(struct mover_ties *ties, const struct tie_columns *columns,
                               uint64_t first_tie, struct err *err) {
    size_t hits = 0;
    for (size_t i = 0; i < columns->count; i++) {
        ties->hits[hits] = (uint32_t)i;
        hits +=
            (unsigned)has_moved(ties, columns->from[i]) | (unsigned)has_moved(ties, columns->to[i]);
    }
    for (size_t k = 0; k < hits; k++) {
        size_t i = ties->hits[k];
        struct kept side = {
            .created_ms = columns->created_at_ms[i],
            .tie = first_tie + i,
            .contact = columns->to[i],
            .mutual = columns->mutual[i],
            .degree_mover = columns->degree_from[i],
            .degree_contact = columns->degree_to[i],
            .mover_invited = true,
        };
        TRY(side_keep(ties, columns->from[i], &side, err));
        side.contact = columns->from[i];
        side.degree_mover = columns->degree_to[i];
        side.degree_contact = columns->degree_from[i];
        side.mover_invited = false;
        TRY(side_keep(ties, columns->to[i], &side, err));
    }
    return status_ok();
}

static struct status endings_keep(struct mover_ties *ties, const struct tie_ending *endings,
                                  size_t count, struct err *err) {
    for (size_t i = 0; i < count && !ties->has_endings; i++) {
        if (has_moved(ties, endings[i].from) || has_moved(ties, endings[i].to)) {
            TRY(ending_index_add(&ties->endings, &endings[i], 1, err));
        }
    }
    return status_ok();
}

static struct status segment_walk(struct mover_ties *ties, const char *path, struct err *err) {
    const struct mover_ties_inputs *inputs = &ties->inputs;
    struct input *input;
    struct tie_segment_reader *reader;
    TRY(input_open(&input, path, err));
    TRY(tie_segment_reader_new(&reader, input, inputs->threads, err));
    struct status status;
    for (;;) {
        const struct tie_columns *columns;
        const struct tie_ending *endings;
        size_t ending_count;
        uint64_t first_tie;
        TRY_OR(done, status,
               tie_segment_next(reader, inputs->people->node_count, &columns, &first_tie, &endings,
                                &ending_count, err));
        if (columns == NULL && endings == NULL) {
            break;
        }
        if (columns != NULL) {
            TRY_OR(done, status, ties_keep(ties, columns, first_tie, err));
            ties->walked += columns->count;
        }
        TRY_OR(done, status, endings_keep(ties, endings, ending_count, err));
        if (inputs->progress != NULL) {
            inputs->progress(inputs->progress_context, ties->walked);
        }
    }
done:
    tie_segment_reader_free(reader);
    return status;
}

struct status mover_ties_walk(struct mover_ties *ties, size_t first, size_t *end, struct err *err) {
    size_t people = ties->inputs.people->count;
    assert(first % mover_ties_group_people(ties) == 0 && first < people);
    ties->first_group = first >> ties->group_bits;
    ties->end_group = ties->group_count;
    ties->kept_count = 0;
    ties->walked = 0;
    for (size_t i = 0; i < ties->inputs.segment_count; i++) {
        TRY(segment_walk(ties, ties->inputs.segment_paths[i], err));
    }
    if (!ties->has_endings) {
        TRY(ending_index_finish(&ties->endings, err));
        ties->has_endings = true;
    }
    *end = ties->end_group << ties->group_bits;
    *end = *end < people ? *end : people;
    return status_ok();
}

/* --- groups --- */

void mover_group_release(struct mover_group *group) {
    free(group->begin);
    free(group->sides);
    *group = (struct mover_group){0};
}

static struct status group_reserve(struct mover_group *group, size_t people, size_t sides,
                                   struct err *err) {
    if (people > group->people_capacity) {
        free(group->begin);
        group->people_capacity = 0;
        group->begin = calloc(people + 2, sizeof *group->begin);
        if (group->begin == NULL) {
            return err_memory(err, people * sizeof *group->begin, "a group of members");
        }
        group->people_capacity = people;
    }
    if (sides > group->side_capacity) {
        size_t capacity = sides + sides / 4;
        free(group->sides);
        group->side_capacity = 0;
        group->sides = reallocarray(NULL, capacity, sizeof *group->sides);
        if (group->sides == NULL) {
            return err_memory(err, capacity * sizeof *group->sides, "the sides of ties");
        }
        group->side_capacity = capacity;
    }
    return status_ok();
}

/* Puts a block's sides where they belong: next[p] is where the next side of person p goes. */
static void block_place(const struct mover_ties *ties, const struct kept_block *block,
                        struct mover_group *group, size_t *next) {
    const struct people *people = ties->inputs.people;
    for (size_t i = 0; i < block->count; i++) {
        if (i + AHEAD < block->count) {
            const struct kept *later = &block->items[i + AHEAD];
            __builtin_prefetch(&people->of_node[later->contact]);
            ending_index_foresee(&ties->endings, people->nodes[later->person], later->contact);
        }
        const struct kept *kept = &block->items[i];
        uint32_t node = people->nodes[kept->person];
        group->sides[next[kept->person - group->first]++] = (struct side){
            .created_ms = kept->created_ms,
            .ended_ms = ending_index_find(&ties->endings, node, kept->contact, kept->tie),
            .contact = people->of_node[kept->contact],
            .mutual = kept->mutual,
            .degree_mover = kept->degree_mover,
            .degree_contact = kept->degree_contact,
            .mover_invited = kept->mover_invited,
        };
    }
}

struct status mover_ties_take(struct mover_ties *ties, size_t first, struct mover_group *group,
                              struct err *err) {
    struct kept_list *list = &ties->groups[first >> ties->group_bits];
    size_t all = ties->inputs.people->count;
    size_t people = mover_ties_group_people(ties);
    people = all - first < people ? all - first : people;
    TRY(group_reserve(group, people, list->count, err));
    group->first = first;
    group->end = first + people;
    /* begin[p + 1] is where the next side of p goes while they are placed, and the end of p, the
     * beginning of p + 1, when they are. */
    memset(group->begin, 0, (people + 2) * sizeof *group->begin);
    for (const struct kept_block *block = list->first; block != NULL; block = block->next) {
        for (size_t i = 0; i < block->count; i++) {
            group->begin[block->items[i].person - first + 2]++;
        }
    }
    for (size_t p = 0; p < people; p++) {
        group->begin[p + 2] += group->begin[p + 1];
    }
    for (const struct kept_block *block = list->first; block != NULL; block = block->next) {
        block_place(ties, block, group, group->begin + 1);
    }
    list_release(list);
    return status_ok();
}

struct status mover_group_mover(struct mover_group *group, size_t person,
                                struct side_scratch *scratch, struct mover *mover,
                                struct err *err) {
    assert(person >= group->first && person < group->end);
    size_t begin = group->begin[person - group->first];
    size_t count = group->begin[person - group->first + 1] - begin;
    struct side *sides = count == 0 ? NULL : group->sides + begin;
    TRY(sides_arrange(sides, count, scratch, err));
    *mover = (struct mover){.person = (uint32_t)person, .sides = sides, .count = count};
    return status_ok();
}
