/* A double in [0.0001, 1) is m / 2^k with m < 2^53 and 53 <= k <= 66. Its first 17 significant
 * digits are the integer part of m * 10^n / 2^k with n <= 20, and m * 10^n < 2^120: rounding to
 * 15, 16 or 17 digits and the question whether the result reads back are exact in 128-bit integers.
 *
 * Rejected: a cache of formatted values. Shares of real neighbourhoods hardly repeat (hundreds of
 * thousands of pairs of small integers), and a miss costs a microsecond. Rejected: Ryu or Grisu,
 * which solve it for all doubles with tables of powers that this range does not need.
 */
#include "stages/sink/decimal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 u128;

enum { MANTISSA_BITS = 52 };

/* m / 2^k as `digits` digits behind the point and `zeros` zeros, rounded half to even; true when
 * the text reads back as the same double: it lies within half a unit of m, or at half a unit
 * when m is even, which is how reading rounds. */
static bool round_to(uint64_t m, unsigned k, u128 power, uint64_t *digits) {
    u128 scaled = m * power;
    u128 whole = scaled >> k;
    u128 rest = scaled - (whole << k);
    u128 half = (u128)1 << (k - 1);
    whole += rest > half || (rest == half && (whole & 1) != 0);
    u128 back = whole << k;
    u128 off = 2 * (back > scaled ? back - scaled : scaled - back);
    *digits = (uint64_t)whole;
    return off < power || (off == power && (m & 1) == 0);
}

size_t decimal_format(char *at, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits == 0) {
        at[0] = '0';
        return 1;
    }
    uint64_t fraction = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    /* Below a power of two the doubles lie twice as close: not worth a case of its own. */
    if (!(value >= 0.0001 && value < 1) || fraction == 0) {
        return number_format_double(at, value);
    }
    uint64_t m = fraction | UINT64_C(1) << MANTISSA_BITS;
    unsigned k = 1075 - (unsigned)(bits >> MANTISSA_BITS);
    size_t zeros = value < 0.001 ? 3 : value < 0.01 ? 2 : value < 0.1 ? 1 : 0;
    static const unsigned powers[] = {1, 10, 100, 1000};
    u128 power = (u128)UINT64_C(1000000000000000) * powers[zeros];
    uint64_t digits;
    uint64_t limit = UINT64_C(1000000000000000);
    while (!round_to(m, k, power, &digits)) {
        power *= 10;
        limit *= 10;
    }
    if (digits >= limit) { /* rounded up to the next power of ten */
        return number_format_double(at, value);
    }
    while (digits % 10 == 0) {
        digits /= 10;
    }
    memcpy(at, "0.000", 5);
    return 2 + zeros + number_format_u64(at + 2 + zeros, digits);
}
