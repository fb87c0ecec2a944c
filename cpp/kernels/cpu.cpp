// Which levels this CPU and operating system can run. This file is compiled for the baseline CPU.
#include <cstring>

#include "kernels/kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#define GGCLIP_X86 1
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define GGCLIP_ARM 1
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#include <windows.h>
#endif
#endif
#if defined(GGCLIP_AMX)  // Linux
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ggclip::kernels {

extern const kernel_table scalar_kernels;
#if GGCLIP_X86
extern const kernel_table sse41_kernels;
extern const kernel_table avx2_kernels;
extern const kernel_table avx_vnni_kernels;
extern const kernel_table avx512_vnni_kernels;
#if defined(GGCLIP_AMX)
extern const kernel_table amx_kernels;
#endif
#elif GGCLIP_ARM
extern const kernel_table neon_kernels;
extern const kernel_table neon_dotprod_kernels;
extern const kernel_table neon_i8mm_kernels;
#endif

namespace {

#if GGCLIP_X86

struct cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf) {
#if defined(_MSC_VER) && !defined(__clang__)
    int r[4];
    __cpuidex(r, (int) leaf, (int) subleaf);
    return {(uint32_t) r[0], (uint32_t) r[1], (uint32_t) r[2], (uint32_t) r[3]};
#else
    cpuid_regs r = {0, 0, 0, 0};
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
#endif
}

uint64_t xgetbv() {
#if defined(_MSC_VER) && !defined(__clang__)
    return _xgetbv(0);
#else
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t) high << 32 | low;
#endif
}

bool bit(uint32_t reg, int n) { return (reg >> n & 1) != 0; }

struct x86_features {
    bool sse41 = false;
    bool avx2 = false;
    bool avx_vnni = false;
    bool avx512_vnni = false;
    bool amx_int8 = false;     // the CPU's tile instructions
    bool saves_tiles = false;  // the system has switched on the registers they need
};

// Bit numbers: Intel SDM volume 2A, CPUID; XCR0 bits: volume 1, 13.3.
x86_features detect() {
    x86_features f;
    const cpuid_regs one = cpuid(1, 0);
    f.sse41 = bit(one.ecx, 19) && bit(one.ecx, 9);  // with SSSE3
    const bool os_saves = bit(one.ecx, 27);         // OSXSAVE
    if (!os_saves || cpuid(0, 0).eax < 7) return f;
    const uint64_t saved = xgetbv();
    const bool ymm = (saved & 0x06) == 0x06;
    const bool zmm = (saved & 0xe6) == 0xe6;
    const cpuid_regs seven = cpuid(7, 0);
    const cpuid_regs seven_one = seven.eax >= 1 ? cpuid(7, 1) : cpuid_regs{0, 0, 0, 0};
    const bool fma = bit(one.ecx, 12), avx = bit(one.ecx, 28), f16c = bit(one.ecx, 29);

    f.avx2 = ymm && avx && fma && f16c && bit(seven.ebx, 5);
    f.avx_vnni = f.avx2 && bit(seven_one.eax, 4);
    f.avx512_vnni = f.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) &&
                    bit(seven.ebx, 31) && bit(seven.ecx, 11);                // F, DQ, BW, VL, VNNI
    f.amx_int8 = f.avx512_vnni && bit(seven.edx, 24) && bit(seven.edx, 25);  // AMX-TILE, AMX-INT8
    f.saves_tiles = (saved & 0x60000) == 0x60000;                            // XTILECFG, XTILEDATA
#if defined(GGCLIP_EMULATE)
    f.avx_vnni = f.avx512_vnni = f.amx_int8 = f.saves_tiles = f.avx2;
#endif
    return f;
}

x86_features features() {
    static const x86_features f = detect();
    return f;
}

const kernel_table * find(cpu_level level) {
    const x86_features f = features();
    switch (level) {
        case cpu_level::scalar: return &scalar_kernels;
        case cpu_level::sse41: return f.sse41 ? &sse41_kernels : nullptr;
        case cpu_level::avx2: return f.avx2 ? &avx2_kernels : nullptr;
        case cpu_level::avx_vnni: return f.avx_vnni ? &avx_vnni_kernels : nullptr;
        case cpu_level::avx512_vnni: return f.avx512_vnni ? &avx512_vnni_kernels : nullptr;
#if defined(GGCLIP_AMX)
        case cpu_level::amx: return f.amx_int8 && f.saves_tiles ? &amx_kernels : nullptr;
#endif
        default: return nullptr;
    }
}

#if defined(GGCLIP_AMX)

// Linux gives a process tile registers only on request (arch_prctl's ARCH_REQ_XCOMP_PERM, since 5.16), because they
// enlarge what is saved for every thread that uses them.
bool may_use_tiles() {
#if defined(GGCLIP_EMULATE)
    return true;
#else
    constexpr long request = 0x1023, tile_data = 18;
    static const bool granted = syscall(SYS_arch_prctl, request, tile_data) == 0;
    return granted;
#endif
}

// Null: the level can be used.
const char * amx_problem() {
    const x86_features f = features();
    if (!f.amx_int8) return "needs a CPU with AVX-512 VNNI, AMX-TILE and AMX-INT8";
    if (!f.saves_tiles) return "needs a system that saves tile registers (XCR0 bits 17 and 18)";
    return may_use_tiles() ? nullptr : "needs the system's permission to use tile registers, which it refused";
}

#else

const char * amx_problem() { return "is only in Linux builds by a compiler with AMX-INT8"; }

#endif

#elif GGCLIP_ARM

struct arm_features {
    bool dotprod = false;
    bool i8mm = false;
};

arm_features detect() {
    arm_features f;
#if defined(__linux__)
    f.dotprod = (getauxval(16) >> 20 & 1) != 0;            // AT_HWCAP, HWCAP_ASIMDDP
    f.i8mm = f.dotprod && (getauxval(26) >> 13 & 1) != 0;  // AT_HWCAP2, HWCAP2_I8MM
#elif defined(__APPLE__)
    const auto has = [](const char * name) {
        int value = 0;
        size_t size = sizeof(value);
        return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
    };
    f.dotprod = has("hw.optional.arm.FEAT_DotProd");
    f.i8mm = f.dotprod && has("hw.optional.arm.FEAT_I8MM");
#elif defined(_WIN32)
    f.dotprod = IsProcessorFeaturePresent(43) != 0;            // PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE
    f.i8mm = f.dotprod && IsProcessorFeaturePresent(66) != 0;  // PF_ARM_V82_I8MM_INSTRUCTIONS_AVAILABLE
#endif
    return f;
}

const kernel_table * find(cpu_level level) {
    static const arm_features f = detect();
    switch (level) {
        case cpu_level::scalar: return &scalar_kernels;
        case cpu_level::neon: return &neon_kernels;  // part of AArch64
        case cpu_level::neon_dotprod: return f.dotprod ? &neon_dotprod_kernels : nullptr;
        case cpu_level::neon_i8mm: return f.i8mm ? &neon_i8mm_kernels : nullptr;
        default: return nullptr;
    }
}

#else

const kernel_table * find(cpu_level level) { return level == cpu_level::scalar ? &scalar_kernels : nullptr; }

#endif

#if !GGCLIP_X86
const char * amx_problem() { return "is a level of x86-64"; }
#endif

}  // namespace

bool has_level(cpu_level level) { return find(level) != nullptr; }

const kernel_table * kernels_for(cpu_level level, const char ** why) {
    const kernel_table * const table = find(level);
    const char * const problem = level == cpu_level::amx ? amx_problem()
                                 : table                 ? nullptr
                                                         : "is not in this build or not on this CPU";
    if (problem && why) *why = problem;
    return problem ? nullptr : table;
}

cpu_level best_level() {
    for (cpu_level level : all_levels)
        if (kernels_for(level)) return level;
    return cpu_level::scalar;
}

bool has_x86_64_v2() {
#if GGCLIP_X86
    const uint32_t ecx = cpuid(1, 0).ecx;
    return bit(ecx, 9) && bit(ecx, 19) && bit(ecx, 20) && bit(ecx, 23);  // SSSE3, SSE4.1, SSE4.2, POPCNT
#else
    return true;
#endif
}

const char * level_name(cpu_level level) {
    switch (level) {
        case cpu_level::scalar: return "scalar";
        case cpu_level::sse41: return "sse41";
        case cpu_level::avx2: return "avx2";
        case cpu_level::avx_vnni: return "avx-vnni";
        case cpu_level::avx512_vnni: return "avx512-vnni";
        case cpu_level::amx: return "amx";
        case cpu_level::neon: return "neon";
        case cpu_level::neon_dotprod: return "neon-dotprod";
        case cpu_level::neon_i8mm: return "neon-i8mm";
    }
    return "unknown";
}

bool parse_level(const char * name, cpu_level * level) {
    for (cpu_level known : all_levels) {
        if (std::strcmp(level_name(known), name) == 0) {
            *level = known;
            return true;
        }
    }
    return false;
}

}  // namespace ggclip::kernels
