/* bench_positions OUT MEMBERS MOVES START_MS DAYS: careers for the members 1..MEMBERS of a
 * generated log that has none, as a CSV of positions (stages/decode).
 *
 * Everybody starts somewhere one to three years before START_MS, at a company whose size follows a
 * power law, the largest with about 1 % of all. Of these, MOVES move once within DAYS from START_MS
 * on, to a company drawn likewise. Nothing is planted: contacts are as likely to be found at the
 * new company as chance has it. A function of the arguments; 30 bytes per row, no memory to speak
 * of.
 */
#include "schemas/facts.h"
#include "schemas/limits.h"
#include "stages/base/number.h"
#include "stages/base/random.h"
#include "stages/decode/fact_writer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { COMPANY_MEMBERS = 30, SEED = 1, FIRST_DAYS = 730 };

/* The first jobs start from so long before the study on, for two years. */
#define EARLIEST_MS (UINT64_C(1095) * (uint64_t)DAY_MS)

struct careers {
    uint64_t members;
    uint64_t moves;
    uint64_t start_ms;
    uint64_t days;
    struct random random;
};

static uint64_t company_draw(struct careers *careers) {
    double u = random_unit(&careers->random);
    uint64_t companies = careers->members / COMPANY_MEMBERS;
    return 1 + (uint64_t)((double)companies * u * u * u);
}

static uint64_t time_draw(struct careers *careers, uint64_t first_ms, uint64_t days) {
    return first_ms + random_below(&careers->random, days * (uint64_t)DAY_MS);
}

static struct fact position(uint64_t at_ms, uint64_t member, uint64_t company,
                            enum position_kind kind) {
    return (struct fact){
        .value = {[POSITION_AT] = at_ms,
                  [POSITION_MEMBER] = member,
                  [POSITION_COMPANY] = company,
                  [POSITION_KIND] = kind,
                  [POSITION_PRECISION] = PRECISION_DAY},
        .known = (uint8_t)((1U << fact_shapes[FACT_POSITIONS].field_count) - 1),
    };
}

static struct status member_put(struct careers *careers, uint64_t member, bool moves,
                                struct fact_writer *writer, struct err *err) {
    struct fact facts[3];
    size_t count = 0;
    uint64_t company = company_draw(careers);
    uint64_t joined_ms = time_draw(careers, careers->start_ms - EARLIEST_MS, FIRST_DAYS);
    facts[count++] = position(joined_ms, member, company, POSITION_START);
    if (moves) {
        uint64_t moved_ms = time_draw(careers, careers->start_ms, careers->days);
        uint64_t next = company;
        while (next == company) {
            next = company_draw(careers);
        }
        facts[count++] = position(moved_ms, member, company, POSITION_END);
        facts[count++] = position(moved_ms, member, next, POSITION_START);
    }
    return fact_writer_put(writer, facts, count, err);
}

static struct status careers_write(struct careers *careers, const char *path, struct err *err) {
    struct fact_writer *writer;
    struct status status;
    TRY(fact_writer_open(&writer, path, &fact_shapes[FACT_POSITIONS], false, err));
    random_seed(&careers->random, SEED);
    uint64_t debt = 0; /* of moves, times members: they are spread evenly over the numbers */
    for (uint64_t member = 1; member <= careers->members; member++) {
        debt += careers->moves;
        bool moves = debt >= careers->members;
        debt -= moves ? careers->members : 0;
        TRY_OR(undone, status, member_put(careers, member, moves, writer, err));
    }
    return fact_writer_commit(writer, NULL, NULL, err);
undone:
    fact_writer_discard(writer);
    return status;
}

int main(int argc, char **argv) {
    struct err err = {0};
    struct careers careers = {0};
    uint64_t *numbers[] = {&careers.members, &careers.moves, &careers.start_ms, &careers.days};
    bool is_right = argc == 6;
    for (int i = 0; is_right && i < 4; i++) {
        is_right = number_parse_u64(argv[2 + i], strlen(argv[2 + i]), numbers[i]);
    }
    if (!is_right || careers.members < 2 * (uint64_t)COMPANY_MEMBERS ||
        careers.moves > careers.members || careers.start_ms < EARLIEST_MS || careers.days == 0) {
        fputs("usage: bench_positions OUT MEMBERS MOVES START_MS DAYS\n", stderr);
        return FAILURE_USAGE;
    }
    struct status status = careers_write(&careers, argv[1], &err);
    if (failed(status)) {
        fprintf(stderr, "bench_positions: %s\n", err.text);
    }
    return (int)status.failure;
}
