// main() for compilers without libFuzzer: runs the files and folders given, then changes them at random until the time
// is up. No coverage guides it, so it finds less; it is for machines that have GCC only. Usage: TARGET
// -max_total_time=SECONDS -seed=N FILE_OR_FOLDER...
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size);

using bytes = std::vector<uint8_t>;

static std::vector<bytes> read_all(const std::filesystem::path & path) {
    std::vector<bytes> out;
    const auto add = [&](const std::filesystem::path & file) {
        std::ifstream in(file, std::ios::binary);
        out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    };
    if (!std::filesystem::is_directory(path)) add(path);
    else
        for (const auto & entry : std::filesystem::directory_iterator(path)) add(entry.path());
    return out;
}

static void change(bytes & data, std::mt19937 & random) {
    static const uint64_t numbers[] = {0,     1,          31,         32,         127,        255,
                                       65535, 0x7fffffff, 0xffffffff, 1ull << 32, ~0ull >> 1, ~0ull};
    const auto below = [&](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
    if (data.empty()) data.push_back(0);
    const size_t at = below(data.size());
    switch (below(6)) {
        case 0: data[at] ^= (uint8_t) (1 << below(8)); break;
        case 1: data[at] = (uint8_t) below(256); break;
        case 2: {
            const uint64_t number = numbers[below(std::size(numbers))];
            const size_t width = below(2) ? 4 : 8;
            memcpy(data.data() + at, &number, std::min(width, data.size() - at));
            break;
        }
        case 3:
            data.erase(data.begin() + (long) at,
                       data.begin() + (long) (at + below(std::min<size_t>(64, data.size() - at) + 1)));
            break;
        case 4: {
            const bytes part(data.begin() + (long) at,
                             data.begin() + (long) (at + below(std::min<size_t>(64, data.size() - at) + 1)));
            data.insert(data.begin() + (long) below(data.size()), part.begin(), part.end());
            break;
        }
        default:
            for (size_t i = at; i < data.size(); i++) {
                if (data[i] < '0' || data[i] > '9') continue;
                data[i] = (uint8_t) ('0' + below(10));
                break;
            }
    }
}

int main(int argc, char ** argv) {
    double seconds = 0;
    uint32_t seed = 1;
    std::vector<bytes> seeds;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-max_total_time=", 16) == 0) seconds = atof(argv[i] + 16);
        else if (strncmp(argv[i], "-seed=", 6) == 0) seed = (uint32_t) atoi(argv[i] + 6);
        else if (argv[i][0] != '-')
            for (bytes & data : read_all(argv[i])) seeds.push_back(std::move(data));
    }
    const auto began = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    size_t n = 0;
    for (const bytes & data : seeds) LLVMFuzzerTestOneInput(data.data(), data.size()), n++;
    std::mt19937 random(seed);
    while (!seeds.empty() && elapsed() < seconds) {
        bytes data = seeds[random() % seeds.size()];
        for (uint32_t i = 1 + random() % 4; i > 0; i--) change(data, random);
        if (FILE * last = fopen("last-input", "wb")) {  // what a crash leaves behind
            fwrite(data.data(), 1, data.size(), last);
            fclose(last);
        }
        LLVMFuzzerTestOneInput(data.data(), data.size()), n++;
    }
    fprintf(stderr, "Done %zu runs in %.0f second(s)\n", n, elapsed());
    return 0;
}
