#include "formats/write/convert.h"

#include "engine/error.h"
#include "engine/names.h"
#include "engine/weights/block-rows.h"
#include "engine/weights/tensor-convert.h"
#include "engine/weights/type-policy.h"
#include "formats/write/gguf-writer.h"
#include "formats/families/gguf-model.h"
#include "formats/layout/bind-tensors.h"
#include "kernels/float16.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <system_error>
#include <thread>

namespace ggclip {

namespace {

constexpr int64_t chunk = 1 << 19;  // values per thread and step

bool matches(const char * pattern, const char * name) {
    // iterative wildcard match: remembers the last star, so the time is at most the product of the lengths
    const char *star = nullptr, *resume = nullptr;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return *pattern == '\0';
}

void check_finite(const source_tensor & tensor, ggml_type type, const float * values, int64_t n) {
    const float limit = type == GGML_TYPE_F32 || type == GGML_TYPE_BF16 ? INFINITY : kernels::max_f16;
    for (int64_t i = 0; i < n; i++) {
        const bool fits = std::isfinite(values[i]) && std::fabs(values[i]) <= limit;
        if (!fits) {
            throw_error(error_code::FILE_FORMAT,
                        "tensor " + tensor.name + " (in the file: " + tensor.origin + "): expected " +
                            (std::isfinite(values[i]) ? "values within f16's range for " : "finite values for ") +
                            ggml_type_name(type) + ", found " + std::to_string(values[i]));
        }
    }
}

void convert_chunk(const source_tensor & tensor, ggml_type type, int64_t first, int64_t n, const float * importance,
                   uint8_t * dst) {
    if (tensor.type == type) {
        convert_rows(tensor, type, first, n, dst);  // copies, or transposes without rounding
        return;
    }
    const int64_t width = tensor.ne[0], whole = whole_blocks(type, width);
    std::vector<float> values((size_t) (n * whole));  // rows are filled with zeros
    for (int64_t r = 0; r < n; r += whole == width ? n : 1)
        convert_rows(tensor, GGML_TYPE_F32, first + r, whole == width ? n : 1, values.data() + r * whole);
    check_finite(tensor, type, values.data(), n * whole);
    ggml_quantize_chunk(type, values.data(), dst, 0, n, whole, importance);
}

// Rows [first, first + n) on several threads; rethrows an error of any of them.
void convert_parallel(const source_tensor & tensor, ggml_type type, int64_t first, int64_t n, int n_threads,
                      const float * importance, uint8_t * dst) {
    const size_t row = row_bytes(type, tensor.ne[0]);
    const int64_t share = (n + n_threads - 1) / n_threads;
    std::vector<std::exception_ptr> errors((size_t) n_threads);
    std::vector<std::thread> threads;
    const auto work = [&](int t) {
        const int64_t begin = std::min(n, share * t), end = std::min(n, share * (t + 1));
        try {
            if (begin < end)
                convert_chunk(tensor, type, first + begin, end - begin, importance, dst + row * (size_t) begin);
        } catch (...) {
            errors[(size_t) t] = std::current_exception();
        }
    };
    threads.reserve((size_t) n_threads);
    for (int t = 1; t < n_threads && share * t < n; t++) {
        try {
            threads.emplace_back(work, t);
        } catch (const std::system_error &) {
            work(t);  // no more threads available: this one does it
        }
    }
    work(0);
    for (std::thread & thread : threads) thread.join();
    for (const std::exception_ptr & failure : errors)
        if (failure) std::rethrow_exception(failure);
}

// Columns relative to their mean. A column that the samples never used still counts a little: other inputs may.
std::vector<float> column_weights(const source_tensor & tensor, ggml_type type, const convert_options & options) {
    const auto found = options.importance.find(tensor.name);
    if (found == options.importance.end() || !ggml_is_quantized(type)) return {};
    std::vector<float> weights = found->second;
    double sum = 0;
    for (float value : weights) sum += std::isfinite(value) && value >= 0 ? value : NAN;
    if ((int64_t) weights.size() != tensor.ne[0] || !(sum > 0) || !std::isfinite(sum)) {
        throw_error(error_code::INPUT_RANGE, "importance of " + tensor.name + ": expected " +
                                                 std::to_string(tensor.ne[0]) +
                                                 " finite values, not negative and not all zero, received " +
                                                 std::to_string(weights.size()) + " with sum " + std::to_string(sum));
    }
    const double mean = sum / (double) weights.size();
    for (float & value : weights) value = std::max(1e-3f, (float) (value / mean));
    weights.resize((size_t) whole_blocks(type, tensor.ne[0]), 1e-3f);
    return weights;
}

// The new file must open and contain what was declared.
void check_written(const model_source & source, const std::vector<ggml_type> & types, const std::string & path) {
    const model_source written = open_gguf(path);
    bool same = written.tensors.size() == source.tensors.size() && written.hp.n_proj == source.hp.n_proj;
    for (size_t i = 0; same && i < types.size(); i++) {
        const source_tensor &a = source.tensors[i], &b = written.tensors[i];
        same = a.name == b.name && b.type == types[i] && std::equal(a.ne, a.ne + 4, b.ne);
    }
    if (!same) throw_error(error_code::INTERNAL, path + ": expected the tensors that were converted, found others");
}

class converter {
  public:
    converter(const model_source & source, const convert_options & options, gguf_writer & writer,
              const std::function<void(const convert_progress &)> & progress, const std::atomic<bool> * cancelled)
        : source_(source), options_(options), writer_(writer), progress_(progress), cancelled_(cancelled) {
        const int machine = (int) std::thread::hardware_concurrency();
        n_threads_ = std::clamp(options.n_threads > 0 ? options.n_threads : machine, 1, 16);
    }

    void declare(convert_report & report) {
        for (const source_tensor & tensor : source_.tensors) {
            const ggml_type type = converted_type(tensor, options_);
            types_.push_back(type);
            int64_t ne[4] = {whole_blocks(type, tensor.ne[0]), tensor.ne[1], tensor.ne[2], tensor.ne[3]};
            writer_.add_tensor(tensor.name, type, tensor.n_dims, ne);
            n_bytes_ += converted_size(tensor, type);
            report.n_tensors[ggml_type_name(type)]++;
        }
    }

    const std::vector<ggml_type> & types() const { return types_; }

    void run() {
        for (size_t i = 0; i < source_.tensors.size(); i++) tensor(i);
        if (progress_) progress_({source_.tensors.size(), source_.tensors.size(), done_, n_bytes_, ""});
    }

  private:
    void tensor(size_t index) {
        const source_tensor & tensor = source_.tensors[index];
        const ggml_type type = types_[index];
        const size_t row = row_bytes(type, tensor.ne[0]);
        const int64_t n_rows = tensor.ne[1] * tensor.ne[2] * tensor.ne[3];
        const int64_t step = std::max<int64_t>(1, chunk / tensor.ne[0]) * n_threads_;
        const auto importance = column_weights(tensor, type, options_);
        std::vector<uint8_t> out((size_t) std::min(step, n_rows) * row);
        for (int64_t first = 0; first < n_rows; first += step) {
            if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed))
                throw_error(error_code::ABORTED, "the conversion was cancelled");
            if (progress_) progress_({index, source_.tensors.size(), done_, n_bytes_, tensor.name});
            const int64_t n = std::min(step, n_rows - first);
            convert_parallel(tensor, type, first, n, n_threads_, importance.empty() ? nullptr : importance.data(),
                             out.data());
            writer_.write(out.data(), (size_t) n * row);
            done_ += (uint64_t) n * row;
        }
        writer_.end_tensor();
    }

    const model_source & source_;
    const convert_options & options_;
    gguf_writer & writer_;
    const std::function<void(const convert_progress &)> & progress_;
    const std::atomic<bool> * cancelled_;
    std::vector<ggml_type> types_;
    uint64_t done_ = 0, n_bytes_ = 0;
    int n_threads_ = 1;
};

void check_type(ggml_type type, const std::string & where) {
    if (!is_matrix_type(type)) {
        throw_error(error_code::INPUT_RANGE,
                    where + ": expected f32, f16, bf16, q4_0 to q8_0, a K-quant, iq4_nl or iq4_xs, received " +
                        (type >= 0 && type < GGML_TYPE_COUNT ? ggml_type_name(type) : "another number"));
    }
}

}  // namespace

ggml_type converted_type(const source_tensor & tensor, const convert_options & options) {
    ggml_type wanted = options.type == GGML_TYPE_COUNT ? tensor.type : options.type;
    if (options.policy == quant_policy::mixed) wanted = mixed_type(tensor, wanted);
    bool asked = false;
    for (const type_override & rule : options.overrides) {
        if (matches(rule.pattern.c_str(), tensor.name.c_str())) {
            wanted = rule.type;
            asked = true;
            break;
        }
    }
    const bool is_position = tensor.name.find(names::position_embd) != std::string::npos;
    if (is_position && asked && wanted == GGML_TYPE_F16) return GGML_TYPE_F16;
    return weight_type_for(tensor, wanted);
}

convert_report convert(const model_source & source, const tokenizer_source & tokenizer, const std::string & path,
                       const convert_options & options, const std::function<void(const convert_progress &)> & progress,
                       const std::atomic<bool> * cancelled) {
    if (options.type != GGML_TYPE_COUNT) check_type(options.type, "type");
    for (const type_override & rule : options.overrides) check_type(rule.type, "override " + rule.pattern);
    gguf_writer writer(path);
    converter work(source, options, writer, progress, cancelled);
    convert_report report;
    write_metadata(source, tokenizer, options.type, writer);
    work.declare(report);
    writer.begin_data();
    work.run();
    source.check_unchanged();
    report.n_bytes = writer.close();
    check_written(source, work.types(), writer.temporary());
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed))
        throw_error(error_code::ABORTED, "the conversion was cancelled");
    writer.commit();
    return report;
}

}  // namespace ggclip
