#include "binding/search/rows-object.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/search/run-on-threads.h"
#include "kernels/search/stored-rows.h"

#include <algorithm>
#include <mutex>

namespace ggclip::binding {

namespace {

using kernels::candidate;

// What one call looks at: rows from number `from` on. Those below `end` are in the file, the others in `tail`.
struct row_scan {
    std::shared_ptr<const row_file> file;
    size_t from, end;
    span<uint8_t> tail;
    kernels::stored_format format;
    std::vector<float> queries;
    size_t k;  // 0: all rows with at least min_score
    float min_score;
    span<uint8_t> mask;  // by row number: 0 is left out; empty: all count
    int threads;
};

struct hit {
    uint32_t query;
    candidate found;
};

// Bytes that a thread reads at a time: they stay in its core's cache until they are multiplied.
constexpr size_t piece_bytes = 256 << 10;

// One thread's part: pieces of rows, as they come.
class scanner {
  public:
    scanner(const row_scan & call, size_t piece_rows)
        : call_(call), n_query_(call.queries.size() / call.format.dim), piece_(piece_rows * call.format.row_bytes()),
          heap_(n_query_ * call.k, kernels::no_candidate) {}

    void file_rows(size_t first, size_t n) {
        call_.file->read((uint64_t) first * call_.format.row_bytes(), n * call_.format.row_bytes(), piece_.data());
        rows(piece_.data(), first, n);
    }

    void rows(const uint8_t * data, size_t first, size_t n) {
        const auto offer = [&](size_t query, size_t row, float score) {
            if (!(score >= call_.min_score) || (call_.mask.size > 0 && call_.mask.data[row] == 0)) return;
            const candidate found = {score, (uint32_t) row};
            if (call_.k > 0) kernels::offer(heap_.data() + query * call_.k, call_.k, found);
            else pairs_.push_back({(uint32_t) query, found});
        };
        kernels::score_stored_rows(call_.queries.data(), n_query_, data, n, call_.format,
                                   [&](size_t query, size_t row, float score) { offer(query, first + row, score); });
    }

    void take_hits(std::vector<hit> & all) const {
        for (size_t i = 0; i < heap_.size(); i++)
            if (heap_[i].index != kernels::no_candidate.index) all.push_back({(uint32_t) (i / call_.k), heap_[i]});
        all.insert(all.end(), pairs_.begin(), pairs_.end());
    }

  private:
    const row_scan & call_;
    size_t n_query_;
    std::vector<uint8_t> piece_;
    std::vector<candidate> heap_;
    std::vector<hit> pairs_;
};

std::vector<hit> run(const row_scan & call, const std::atomic<bool> & cancelled) {
    const size_t row_bytes = call.format.row_bytes();
    const size_t piece = std::max<size_t>(1, piece_bytes / row_bytes);
    const size_t total = call.end + call.tail.size / row_bytes;
    const size_t tail_from = std::max(call.from, call.end);
    const size_t in_file = call.from < call.end ? (call.end - call.from + piece - 1) / piece : 0;
    const size_t n_piece = in_file + (total - tail_from + piece - 1) / piece;
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr failure;
    std::vector<hit> hits;
    std::mutex mutex;
    run_on_threads((int) std::min<size_t>((size_t) call.threads, std::max<size_t>(1, n_piece)), [&](int, int) {
        try {
            scanner part(call, in_file > 0 ? piece : 0);
            for (size_t p = next++; p < n_piece && !cancelled && !failed; p = next++) {
                if (p < in_file) {
                    const size_t first = call.from + p * piece;
                    part.file_rows(first, std::min(piece, call.end - first));
                } else {
                    const size_t first = tail_from + (p - in_file) * piece;
                    part.rows(call.tail.data + (first - call.end) * row_bytes, first, std::min(piece, total - first));
                }
            }
            const std::lock_guard<std::mutex> lock(mutex);
            part.take_hits(hits);
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!failed.exchange(true)) failure = std::current_exception();
        }
    });
    if (cancelled) throw_error(error_code::ABORTED, "the call was cancelled");
    if (failure) std::rethrow_exception(failure);

    std::sort(hits.begin(), hits.end(), [&](const hit & a, const hit & b) {
        return a.query != b.query ? a.query < b.query
               : call.k > 0       ? kernels::is_better(a.found, b.found)
                                  : a.found.index < b.found.index;
    });
    if (call.k == 0) return hits;
    std::vector<hit> best;
    size_t taken = 0;
    for (const hit & h : hits) {
        taken = !best.empty() && best.back().query == h.query ? taken + 1 : 1;
        if (taken <= call.k) best.push_back(h);
    }
    return best;
}

// { queries, dim, type, from, end, tail, k, minScore, mask, threads }
Napi::Value start(const Napi::CallbackInfo & info, std::shared_ptr<const row_file> file) {
    Napi::Env env = info.Env();
    const Napi::Object object = object_argument(env, info[0], "options");
    row_scan scan;
    scan.file = std::move(file);
    scan.format.dim = (size_t) int_argument(env, object.Get("dim"), "dim", 1, 1 << 24);
    const std::string type = string_argument(env, object.Get("type"), "type");
    if (type != "f16" && type != "int8") throw invalid_argument(env, "type", "f16 or int8");
    scan.format.type = type == "f16" ? kernels::element_type::f16 : kernels::element_type::i8;
    const span<float> queries = floats_argument(env, object.Get("queries"), "queries");
    if (queries.size == 0 || queries.size % scan.format.dim != 0)
        throw invalid_argument(env, "queries", "a multiple of dim elements");
    scan.queries.assign(queries.data, queries.data + queries.size);
    scan.from = (size_t) size_argument(env, object.Get("from"), "from");
    scan.end = (size_t) size_argument(env, object.Get("end"), "end");
    scan.tail = bytes_argument(env, object.Get("tail"), "tail");
    const size_t rows = scan.end + scan.tail.size / scan.format.row_bytes();
    if (scan.end >= 4294967295u || rows >= 4294967295u || (scan.end > scan.from && !scan.file))
        throw invalid_argument(env, "end", "0 without a file, and fewer than 2^32 - 1 rows");
    scan.from = std::min(scan.from, rows);
    if (scan.tail.size % scan.format.row_bytes() != 0) throw invalid_argument(env, "tail", "whole rows");
    scan.mask = bytes_argument(env, object.Get("mask"), "mask");
    if (scan.mask.size != 0 && scan.mask.size < rows) throw invalid_argument(env, "mask", "a byte for each row");
    scan.k = std::min((size_t) int_argument(env, object.Get("k"), "k", 0, 1 << 30), rows);
    if (!object.Get("minScore").IsNumber()) throw invalid_argument(env, "minScore", "a number");
    scan.min_score = object.Get("minScore").As<Napi::Number>().FloatValue();
    scan.threads = int_argument(env, object.Get("threads"), "threads", 1, 256);

    auto hits = std::make_shared<std::vector<hit>>();
    auto call = std::make_unique<job>(env);
    call->alive.push_back(Napi::Persistent(object.Get("tail").As<Napi::Object>()));
    call->alive.push_back(Napi::Persistent(object.Get("mask").As<Napi::Object>()));
    call->work = [scan = std::move(scan), hits, cancelled = call->cancelled] { *hits = run(scan, *cancelled); };
    call->finish = [hits](Napi::Env e) {
        Napi::Uint32Array query = Napi::Uint32Array::New(e, hits->size());
        Napi::Uint32Array row = Napi::Uint32Array::New(e, hits->size());
        Napi::Float32Array score = Napi::Float32Array::New(e, hits->size());
        for (size_t i = 0; i < hits->size(); i++) {
            query[i] = (*hits)[i].query;
            row[i] = (*hits)[i].found.index;
            score[i] = (*hits)[i].found.score;
        }
        Napi::Object result = Napi::Object::New(e);
        result.Set("queries", query);
        result.Set("rows", row);
        result.Set("scores", score);
        return result;
    };
    return environment::of(env).start_thread(std::move(call)).value(env);
}

}  // namespace

void rows_object::define(Napi::Env env) {
    environment::of(env).rows_class = Napi::Persistent(DefineClass(
        env, "Rows", {InstanceMethod("scan", &rows_object::scan), InstanceMethod("close", &rows_object::close)}));
}

Napi::Value rows_object::open(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    auto result = std::make_shared<std::shared_ptr<const row_file>>();
    auto call = std::make_unique<job>(env);
    call->work = [path = string_argument(env, info[0], "path"), result] {
        *result = std::make_shared<const row_file>(path);
    };
    call->finish = [result](Napi::Env e) -> Napi::Value {
        return environment::of(e).rows_class.New(
            {Napi::External<std::shared_ptr<const row_file>>::New(e, result.get())});
    };
    return environment::of(env).start_thread(std::move(call)).value(env);
}

rows_object::rows_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<rows_object>(info) {
    if (info.Length() != 1 || !info[0].IsExternal())
        throw invalid_argument(info.Env(), "Rows", "to be made by openRows()");
    file_ = *info[0].As<Napi::External<std::shared_ptr<const row_file>>>().Data();
}

Napi::Value rows_object::scan(const Napi::CallbackInfo & info) {
    if (!file_) throw to_js_error(info.Env(), error_code::DISPOSED, "the file of vectors has been closed");
    return start(info, file_);
}

// A scan that runs keeps the file open until it ends.
void rows_object::close(const Napi::CallbackInfo &) { file_.reset(); }

Napi::Value scan_rows(const Napi::CallbackInfo & info) { return start(info, nullptr); }

}  // namespace ggclip::binding
