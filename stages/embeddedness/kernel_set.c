/* What AUTO takes. The sets differ in how they look entries up in what is marked (scan.h): one
 * after the other, or gathered. A gather is worth it where it takes fewer cycles than as many
 * loads:
 *
 * - AMD with AVX-512, which is Zen 4 and later: AVX-512. Gathers are microcode of several
 * operations per lane, but so are loads, shifts and sums of single bits. Measured on a Zen 4, see
 * scan.c: a bitmap is scanned a fifth faster than plain, a filter as fast.
 * - AMD before: no. Gathers take more operations there; AVX2 was slower than plain with filters
 * even on a Zen 4.
 * - Intel up to Ice Lake, Tiger Lake and Rocket Lake: no. Gathers are fast there by themselves (8
 *   lanes in 5 cycles on Skylake), and slow since microcode mitigates Gather Data Sampling
 *   (CVE-2022-40982).
 * - Intel since Sapphire Rapids, the first with AVX512_FP16: AVX-512, as nothing slows its gathers
 *   down. Inferred from that; not measured.
 * - Intel without AVX-512 may mix two kinds of cores, of which one gathers slowly: no.
 */
#include "stages/embeddedness/kernel_set.h"

#include <assert.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* On a processor with AVX-512. */
static bool gathers_pay(void) {
    enum { FEATURES = 7, FP16 = 1 << 23 };
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    if (__builtin_cpu_is("amd")) {
        return true;
    }
    return __builtin_cpu_is("intel") && __get_cpuid_count(FEATURES, 0, &eax, &ebx, &ecx, &edx) &&
           (edx & FP16) != 0;
}
#endif

bool kernel_set_is_here(enum kernel_set set) {
    assert(set < KERNEL_SETS);
#if defined(__x86_64__)
    if (set == KERNEL_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    }
    if (set == KERNEL_AVX512) {
        return __builtin_cpu_supports("avx512f");
    }
#endif
    return set == KERNEL_AUTO || set == KERNEL_PLAIN;
}

const char *kernel_set_name(enum kernel_set set) {
    static const char *const names[KERNEL_SETS] = {"auto", "plain", "avx2", "avx512"};
    assert(set < KERNEL_SETS);
    return names[set];
}

enum kernel_set kernel_set_best(void) {
#if defined(__x86_64__)
    if (kernel_set_is_here(KERNEL_AVX512) && gathers_pay()) {
        return KERNEL_AVX512;
    }
#endif
    return KERNEL_PLAIN;
}
