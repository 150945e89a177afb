#include "bench/world.h"

#include "bench/world_facts.h"
#include "bench/world_pairs.h"
#include "stages/base/files.h"
#include "stages/tie_store/tie_segment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MUTUAL_DRAWS = 65536, NOT_SEEN = 0 };

static const int64_t first_ms = INT64_C(1420070400000);          /* 2015 */
static const int64_t span_ms = INT64_C(1826) * 24 * 3600 * 1000; /* five years */

/* Published: mean 9.71, a third at most 1, a third above 6, a quarter above 10. */
static const double mutual_median = 3.75;
static const double mutual_sigma = 1.45;

/* One tie in so many ends. */
enum { ENDING_EVERY = 100 };

struct maker {
    struct world *world;
    struct world_pairs pairs;
    struct tie_segment_writer *writer;
    uint32_t *mutual;  /* MUTUAL_DRAWS */
    uint32_t *node;    /* per member: its node + 1, NOT_SEEN before its first tie */
    uint32_t *degree;  /* per node */
    uint32_t *members; /* per node */
    size_t node_count;
    struct tie_ending *endings;
    size_t ending_capacity;
};

static uint32_t node_of(struct maker *maker, uint32_t member) {
    if (maker->node[member] == NOT_SEEN) {
        maker->members[maker->node_count] = member;
        maker->node[member] = (uint32_t)++maker->node_count;
    }
    return maker->node[member] - 1;
}

static int64_t created_at(const struct maker *maker, uint64_t n) {
    return first_ms +
           (int64_t)((unsigned __int128)n * (uint64_t)span_ms / maker->world->options.ties);
}

/* How many ties have been made by then, the one of that instant included. */
static uint64_t ties_by(const struct maker *maker, int64_t at_ms) {
    uint64_t ties = maker->world->options.ties;
    uint64_t made =
        1 + (uint64_t)((unsigned __int128)(uint64_t)(at_ms - first_ms) * ties / (uint64_t)span_ms);
    return made < ties ? made : ties;
}

static struct status tie_make(struct maker *maker, uint64_t n, struct err *err) {
    uint32_t from;
    uint32_t to;
    world_pairs_at(&maker->pairs, n, &from, &to);
    uint64_t draw = random_mix(n ^ maker->world->options.seed << 40);
    struct stored_tie tie = {
        .created_at_ms = created_at(maker, n),
        .from = node_of(maker, from),
        .to = node_of(maker, to),
        .mutual = maker->mutual[draw % MUTUAL_DRAWS],
        .origin = ORIGIN_ORGANIC,
    };
    tie.degree_from = maker->degree[tie.from]++;
    tie.degree_to = maker->degree[tie.to]++;
    uint32_t least = tie.degree_from < tie.degree_to ? tie.degree_from : tie.degree_to;
    tie.mutual = tie.mutual < least ? tie.mutual : least;
    if (draw / MUTUAL_DRAWS % ENDING_EVERY == 0 && maker->world->endings < maker->ending_capacity) {
        int64_t left_ms = first_ms + span_ms - tie.created_at_ms;
        int64_t ended_ms = tie.created_at_ms + 1 + (int64_t)(draw >> 24) % left_ms;
        maker->endings[maker->world->endings++] = (struct tie_ending){
            .from = tie.from,
            .to = tie.to,
            .ended_at_ms = ended_ms,
            .ties_before = ties_by(maker, ended_ms),
        };
        maker->world->open_degrees[tie.from]--;
        maker->world->open_degrees[tie.to]--;
    }
    return tie_segment_put_tie(maker->writer, &tie, err);
}

static int compare_endings(const void *a, const void *b) {
    const struct tie_ending *left = a;
    const struct tie_ending *right = b;
    return (left->ended_at_ms > right->ended_at_ms) - (left->ended_at_ms < right->ended_at_ms);
}

static struct status ties_make(struct maker *maker, struct err *err) {
    struct world *world = maker->world;
    for (uint64_t n = 0; n < world->options.ties; n++) {
        TRY(tie_make(maker, n, err));
    }
    qsort(maker->endings, world->endings, sizeof *maker->endings, compare_endings);
    for (uint64_t i = 0; i < world->endings; i++) {
        TRY(tie_segment_put_ending(maker->writer, &maker->endings[i], err));
    }
    for (size_t i = 0; i < maker->node_count; i++) {
        world->open_degrees[i] += maker->degree[i]; /* what has ended was taken off, modulo 2^32 */
    }
    return tie_segment_end(maker->writer, err);
}

static struct status segment_make(struct maker *maker, struct err *err) {
    struct world *world = maker->world;
    struct output *output;
    TRY(output_open(&output, world->segment_path, false, err));
    struct status status = tie_segment_writer_new(&maker->writer, output, 0, 1, err);
    if (!failed(status)) {
        status = ties_make(maker, err);
    }
    tie_segment_writer_free(maker->writer);
    if (failed(status)) {
        output_discard(output);
        return status;
    }
    return output_commit(output, &world->segment_bytes, NULL, err);
}

static struct status dictionary_make(struct maker *maker, struct err *err) {
    for (size_t i = 0; i < maker->node_count; i++) {
        struct member_id id = {world_member_id(maker->members[i])};
        struct node_id node;
        TRY(dictionary_resolve(&maker->world->dictionary, &id, 1, &node, err));
    }
    return status_ok();
}

static struct status maker_run(struct maker *maker, struct err *err) {
    struct world *world = maker->world;
    size_t members = world->options.members;
    maker->ending_capacity = world->options.ties / ENDING_EVERY * 2;
    maker->mutual = malloc(MUTUAL_DRAWS * sizeof *maker->mutual);
    maker->node = calloc(members, sizeof *maker->node);
    maker->degree = calloc(members, sizeof *maker->degree);
    maker->members = malloc(members * sizeof *maker->members);
    maker->endings = malloc(maker->ending_capacity * sizeof *maker->endings);
    world->open_degrees = calloc(members, sizeof *world->open_degrees);
    if (maker->mutual == NULL || maker->node == NULL || maker->degree == NULL ||
        maker->members == NULL || maker->endings == NULL || world->open_degrees == NULL) {
        return err_memory(err, members * 16 + maker->ending_capacity * sizeof *maker->endings,
                          "a world");
    }
    struct random random;
    random_seed(&random, world->options.seed);
    for (int i = 0; i < MUTUAL_DRAWS; i++) {
        maker->mutual[i] = (uint32_t)(mutual_median * exp(mutual_sigma * world_normal(&random)));
    }
    TRY(segment_make(maker, err));
    return dictionary_make(maker, err);
}

struct status world_make(struct world *world, const struct world_options *options,
                         const char *folder, struct err *err) {
    *world = (struct world){.options = *options, .as_of_ms = first_ms + span_ms};
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_init(&world->tables[log], (enum fact_log)log);
    }
    struct maker maker = {.world = world};
    TRY(path_join(&world->segment_path, folder, "attribution.ties", err));
    struct status status =
        world_pairs_init(&maker.pairs, options->ties, options->members, options->seed, err);
    if (!failed(status)) {
        status = maker_run(&maker, err);
    }
    world_pairs_release(&maker.pairs);
    free(maker.mutual);
    free(maker.node);
    free(maker.degree);
    free(maker.members);
    free(maker.endings);
    TRY(status);
    const struct world_facts_options facts = {
        .members = options->members,
        .moves = options->moves,
        .seed = options->seed,
        .first_ms = first_ms,
        .last_ms = world->as_of_ms,
    };
    return world_facts_make(world->tables, &facts, err);
}

void world_release(struct world *world) {
    if (world->segment_path != NULL) {
        (void)unlink(world->segment_path);
    }
    free(world->segment_path);
    free(world->open_degrees);
    dictionary_release(&world->dictionary);
    for (int log = 0; log < FACT_LOGS; log++) {
        fact_table_release(&world->tables[log]);
    }
    *world = (struct world){0};
}
