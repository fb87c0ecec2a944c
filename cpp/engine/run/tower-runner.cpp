#include "engine/run/tower-runner.h"

#include "engine/memory/ggml-hooks.h"
#include "engine/error.h"
#include "engine/run/text-rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

using cancel_slot = const std::atomic<bool> * const;  // the flag changes with each job

static bool abort_requested(void * data) {
    return (*static_cast<cancel_slot *>(data))->load(std::memory_order_relaxed);
}

static void * slot_address(cancel_slot & slot) { return const_cast<void *>(static_cast<const void *>(&slot)); }

static ggml_backend_ptr start_cpu(int n_threads, cancel_slot & cancelled) {
    ggml_backend_ptr cpu(ggml_backend_cpu_init());
    if (!cpu) throw_error(error_code::OUT_OF_MEMORY, "could not make a CPU backend");
    ggml_backend_cpu_set_n_threads(cpu.get(), n_threads);
    ggml_backend_cpu_set_abort_callback(cpu.get(), abort_requested, slot_address(cancelled));
    return cpu;
}

tower_runner::tower_runner(const weights & weights, int n_threads, cancel_slot & cancelled)
    : weights_(weights), n_threads_(n_threads), cancelled_(cancelled), team_(n_threads) {
    if (is_cpu(weights.device)) return;
    backend_.reset(ggml_backend_dev_init(weights.device, nullptr));
    if (!backend_) {
        throw_error(error_code::DEVICE_UNAVAILABLE, "device %s: its backend could not be started",
                    ggml_backend_dev_name(weights.device));
    }
}

// ggml's own threads, started at the first graph the team cannot run.
void tower_runner::start_pool() {
    ggml_threadpool_params params = ggml_threadpool_params_default(n_threads_);
    params.poll = 0;  // threads sleep between jobs
    pool_.reset(ggml_threadpool_new(&params));
    if (!pool_) throw_error(error_code::OUT_OF_MEMORY, "could not start %d threads", n_threads_);
}

// Plain ggml pads sequences of different lengths, and sums a padded row in a different order. Running them one at a
// time makes a batch equal its single calls bit for bit. Devices run them together: there only their own accuracy is
// required.
bool tower_runner::pads_on_cpu(const batch & batch) const {
    if (weights_.kernels || !is_cpu(weights_.device)) return false;
    return std::any_of(batch.lengths.begin(), batch.lengths.end(), [&](int32_t n) { return n != batch.lengths[0]; });
}

built_graph & tower_runner::prepare(tower & slot, builder build, const batch & batch, bool is_text,
                                    kept_tensors * keep) {
    const bool same = slot.last && slot.last->lengths == batch.lengths && slot.last->n_key == batch.n_key &&
                      slot.last->width == batch.width && slot.last->height == batch.height && !slot.last->keeps &&
                      !slot.last->scheduled;
    if (same && !keep) return *slot.last;

    const hparams & hp = weights_.hp;
    const tower_hparams & tower = is_text ? static_cast<const tower_hparams &>(hp.text) : hp.vision;
    const size_t n_conv = is_text ? 0 : hp.vision.layers.size();
    const size_t max_nodes = 256 + 256 * (size_t) tower.n_layer + 96 * n_conv;
    const size_t n_bytes = ggml_tensor_overhead() * max_nodes + ggml_graph_overhead_custom(max_nodes, false);

    slot.last.reset();
    if (!slot.nodes) slot.nodes = allocate_aligned(n_bytes);
    auto g = std::make_unique<built_graph>();
    g->lengths = batch.lengths;
    g->n_key = batch.n_key;
    g->width = batch.width;
    g->height = batch.height;
    g->keeps = keep != nullptr;
    g->ctx.reset(ggml_init({n_bytes, slot.nodes.get(), true}));
    if (!g->ctx) throw_error(error_code::OUT_OF_MEMORY, "could not allocate a graph");
    ggml_context * ctx = g->ctx.get();
    const bool packed = weights_.kernels != nullptr;
    g->ops = packed ? make_packed_ops(ctx, weights_, n_threads_) : make_portable_ops(ctx, &g->inputs);

    tower_input & in = g->input;
    in.width = batch.width;
    in.height = batch.height;
    // what follows the blocks, or the tokens' distances, need all tokens
    const bool all = is_text && (hp.text.mixer_kernel > 0 || hp.text.max_alibi_bias > 0 || hp.text.n_bucket > 0);
    in.whole = all || (keep != nullptr && keep->what == kept_tensors::kind::states);
    in.seqs = make_sequences(ctx, batch, tower.pool == pooling::mean, !packed);
    const auto input = [&](ggml_tensor * t) {
        ggml_set_input(t);
        return t;
    };
    if (tower.rotary != rotary_pairs::none)
        in.turns = input(ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 2 * tower.d_head, in.seqs.n_token));
    if (is_text) {
        in.ids = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, in.seqs.n_token));
        in.positions = in.seqs.positions = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, in.seqs.n_token));
        if (hp.text.has_class_embd) in.rows = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, in.seqs.n_token));
    } else {
        add_stem_inputs(ctx, hp.vision, in.seqs.n_token - in.seqs.n_seq * hp.vision.n_prefix(), in);
    }
    if (tower.pool != pooling::attention && tower.pool != pooling::mean)
        in.pooled = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, in.seqs.n_seq));

    g->graph = ggml_new_graph_custom(ctx, max_nodes, false);
    g->output = build(*g->ops, weights_, in, g->states);
    choose_outputs(*g, keep);
    allocate(slot, *g);
    g->on_thread_team = packed && g->program.compile(g->graph, n_threads_);
    slot.last = std::move(g);
    return *slot.last;
}

static named_tensors chosen(const named_tensors & states, const std::vector<std::string> & names) {
    if (names.empty()) return states;
    named_tensors out;
    for (const std::string & name : names) {
        const auto found = states.find(name);
        if (found == states.end())
            throw_error(error_code::INPUT_RANGE, "states: there is none called '%s'", name.c_str());
        out.insert(*found);
    }
    return out;
}

// The embeddings, or the states to keep. A graph computes only what its outputs need.
void tower_runner::choose_outputs(built_graph & g, kept_tensors * keep) {
    const auto output = [&](ggml_tensor * t) {
        for (ggml_tensor * part = t; part; part = part->view_src)
            ggml_set_output(part);  // a view uses its source's memory
        ggml_build_forward_expand(g.graph, t);
    };
    if (!keep) return output(g.output);
    keep->tensors = keep->what == kept_tensors::kind::inputs ? g.inputs : chosen(g.states, keep->names);
    for (const auto & entry : keep->tensors) output(entry.second);
}

static bool runs_all(ggml_backend_dev_t device, ggml_cgraph * graph) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++)
        if (!ggml_backend_dev_supports_op(device, ggml_graph_node(graph, i))) return false;
    return true;
}

// Separate memory for each tower, so that its graph can be rerun independently of the other tower's.
void tower_runner::allocate(tower & slot, built_graph & g) {
    const bool cpu = is_cpu(weights_.device);
    if (!cpu && !runs_all(weights_.device, g.graph)) return schedule(g);
    if (!slot.memory)
        slot.memory = std::make_unique<graph_memory>(
            cpu ? cpu_buffer_type() : ggml_backend_get_default_buffer_type(backend_.get()), weights_.memory);
    slot.memory->lay_out(g.graph);
}

void tower_runner::release_memory() {
    for (tower * slot : {&vision_, &text_}) {
        slot->last.reset();
        slot->memory.reset();
    }
    patches_ = {};
}

// The scheduler's memory holds only the latest graph of either tower, so such a graph is rebuilt for each run.
void tower_runner::schedule(built_graph & g) {
    g.scheduled = true;
    try {
        if (!sched_) {
            cpu_fallback_ = start_cpu(n_threads_, cancelled_);
            ggml_backend_t backends[] = {backend_.get(), cpu_fallback_.get()};
            sched_.reset(ggml_backend_sched_new(backends, nullptr, 2, 8192, false, true));
        }
        ggml_backend_sched_reset(sched_.get());
        if (!ggml_backend_sched_alloc_graph(sched_.get(), g.graph))
            throw_error(error_code::OUT_OF_MEMORY, "could not allocate device memory");
    } catch (const std::bad_alloc &) {
        leave_scheduler();
        throw;
    }
}

// An exception may have left these half modified: leak them, since freeing might free twice.
void tower_runner::leave_scheduler() {
    (void) sched_.release();
    (void) cpu_fallback_.release();
}

ggml_status tower_runner::run_on_cpu(built_graph & g) {
    if (!pool_) start_pool();
    ggml_cplan plan = ggml_graph_plan(g.graph, n_threads_, pool_.get());
    if (work_.size() < plan.work_size) work_.resize(plan.work_size);
    plan.work_data = work_.data();
    plan.abort_callback = abort_requested;
    plan.abort_callback_data = slot_address(cancelled_);
    return ggml_graph_compute(g.graph, &plan);
}

ggml_status tower_runner::run_scheduled(built_graph & g) {
    if (!pool_) start_pool();
    ggml_backend_cpu_set_threadpool(cpu_fallback_.get(), pool_.get());
    try {
        return ggml_backend_sched_graph_compute(sched_.get(), g.graph);
    } catch (const std::bad_alloc &) {
        leave_scheduler();
        throw;
    }
}

ggml_status tower_runner::run_by_ggml(built_graph & g) {
    if (g.scheduled) return run_scheduled(g);
    return is_cpu(weights_.device) ? run_on_cpu(g) : ggml_backend_graph_compute(backend_.get(), g.graph);
}

void tower_runner::compute(built_graph & g, float * out) {
    const ggml_status status = !g.on_thread_team                                        ? run_by_ggml(g)
                               : team_.run(g.program, *cancelled_, profile_ != nullptr) ? GGML_STATUS_SUCCESS
                                                                                        : GGML_STATUS_ABORTED;
    if (status == GGML_STATUS_ABORTED) throw_error(error_code::ABORTED, "the call was cancelled");
    if (status == GGML_STATUS_ALLOC_FAILED) throw_error(error_code::OUT_OF_MEMORY, "could not allocate compute memory");
    if (status != GGML_STATUS_SUCCESS)
        throw_error(error_code::INTERNAL, "the graph computation failed with status %d", (int) status);
    if (profile_ && g.on_thread_team) profile_->add(g.program);
    if (out) ggml_backend_tensor_get(g.output, out, 0, ggml_nbytes(g.output));
}

void tower_runner::for_each(int n, const std::function<void(int)> & work) {
    bool complete = true;
    if (n > 1) {
        complete = team_.for_each(n, work, *cancelled_);
    } else {
        for (int i = 0; i < n && complete; i++) {
            work(i);
            complete = !cancelled_->load(std::memory_order_relaxed);
        }
    }
    if (!complete) throw_error(error_code::ABORTED, "the call was cancelled");
}

const std::vector<float> & tower_runner::grid_positions_of(const image_tensor & image) {
    const vision_hparams & hp = weights_.hp.vision;
    if (!grid_) {
        const ggml_tensor * table = weights_.vision.position_embd;
        const size_t skipped = (size_t) hp.n_class_position() * table->nb[1];
        std::vector<float> values((ggml_nbytes(table) - skipped) / sizeof(float));
        ggml_backend_tensor_get(table, values.data(), skipped, ggml_nbytes(table) - skipped);
        grid_ = std::make_unique<position_grid>(std::move(values), hp.n_grid(), hp.n_embd, hp.position_filter);
    }
    return grid_->resized(image.height / hp.patch_size, image.width / hp.patch_size);
}

// The team's graphs have their inputs in process memory: all threads write them in place. A picture larger than its
// patches cover has fewer values here than pixels.
void tower_runner::set_patches(built_graph & g, const image_tensor * images, int n) {
    ggml_tensor * const input = g.input.pixels;
    if (!g.on_thread_team) patches_.resize((size_t) ggml_nelements(input));
    float * const patches = g.on_thread_team ? static_cast<float *>(input->data) : patches_.data();
    const vision_hparams & hp = weights_.hp.vision;
    for_each(n, [&](int i) {
        const int64_t first = hp.layers.empty() ? g.input.seqs.offset[(size_t) i] - i * hp.n_prefix()
                                                : i * input_rows(hp, images[i].width, images[i].height);
        write_pixels(hp, images[i], patches + (size_t) first * (size_t) input->ne[0]);
    });
    if (!g.on_thread_team) set_input(input, patches_.data());
}

// A convolutional tower's maps are large: no more images at once than bound the largest to some 32 MB.
static int images_at_once(const vision_hparams & hp, const image_tensor & image, int n) {
    constexpr int64_t max_values = 8 << 20;
    int64_t largest = 1, side = std::max(image.width, image.height), n_in = hp.n_channel;
    for (const conv_layer & layer : hp.layers) {
        const int64_t n_before = side * side, n_patch = (int64_t) layer.kernel * layer.kernel;
        side = layer.out_size((int32_t) side);
        if (layer.kind == conv_kind::conv) largest = std::max(largest, side * side * n_patch * n_in);
        if (layer.kind == conv_kind::bottleneck) largest = std::max(largest, n_before * n_patch * layer.n_ff);
        largest = std::max(largest, n_before * std::max(layer.n_ff, layer.n_out));
        n_in = layer.n_out;
    }
    return hp.layers.empty() ? n : (int) std::clamp<int64_t>(max_values / largest, 1, n);
}

void tower_runner::run_images(const image_tensor * images, int n, float * out, kept_tensors * keep) {
    const vision_hparams & hp = weights_.hp.vision;
    int most = images_at_once(hp, images[0], n);
    const auto other = [&](const image_tensor & image) {
        return image.width != images[0].width || image.height != images[0].height;
    };
    if (!hp.layers.empty() && std::any_of(images, images + n, other)) most = 1;  // maps of a batch have one size
    if (most < n) {
        for (int i = 0; i < n; i += most)
            run_images(images + i, std::min(most, n - i), out + (size_t) i * (size_t) weights_.hp.n_proj);
        return;
    }
    batch shape;
    if (!hp.layers.empty()) {
        shape.width = images[0].width;
        shape.height = images[0].height;
    }
    shape.skip = hp.n_prefix();
    for (int i = 0; i < n; i++) shape.lengths.push_back(hp.n_token(images[i].width, images[i].height));
    if (pads_on_cpu(shape)) {
        for (int i = 0; i < n; i++) run_images(images + i, 1, out + (size_t) i * (size_t) weights_.hp.n_proj);
        return;
    }
    built_graph & g = prepare(vision_, build_vision_graph, shape, /*is_text=*/false, keep);
    set_patches(g, images, n);
    if (g.input.grid_positions) {
        grid_positions_.clear();
        for (int i = 0; i < n; i++) {
            const std::vector<float> & positions = grid_positions_of(images[i]);
            grid_positions_.insert(grid_positions_.end(), positions.begin(), positions.end());
        }
        set_input(g.input.grid_positions, grid_positions_.data());
    }
    if (g.input.turns) {
        turns_.clear();
        for (int i = 0; i < n; i++) {
            const std::vector<float> & turns =
                rotary_.of_grid(hp, images[i].height / hp.patch_size, images[i].width / hp.patch_size);
            turns_.insert(turns_.end(), turns.begin(), turns.end());
        }
        set_input(g.input.turns, turns_.data());
    }
    indices_.clear();
    for (int i = 0; i < n; i++) indices_.push_back(g.input.seqs.offset[i]);  // the class token is first
    set_input(g.input.pooled, indices_.data());
    set_sequence_inputs(g.input.seqs, shape);
    compute(g, out);
}

void tower_runner::run_texts(const int32_t * ids, const int32_t * lengths, int n, float * out, kept_tensors * keep) {
    const text_hparams & hp = weights_.hp.text;
    const bool all =
        keep != nullptr && keep->what == kept_tensors::kind::states;  // the states of padding are requested as well
    constexpr size_t max_tokens = 16384;  // at once: 32 texts of 512; activations of a long context's need gigabytes
    text_rows rows;
    std::vector<const int32_t *> begins;  // start of each text's ids
    for (int s = 0; s < n; ids += lengths[s], s++) {
        begins.push_back(ids);
        rows.append(hp, ids, lengths[s], all);
        if (s > 0 && rows.tokens.size() > max_tokens) {
            run_texts(begins[0], lengths, s, out, keep);
            return run_texts(ids, lengths + s, n - s, out + (size_t) s * (size_t) weights_.hp.n_proj, keep);
        }
    }
    const batch & shape = rows.shape;
    if (pads_on_cpu(shape)) {
        for (int s = 0; s < n; s++)
            run_texts(begins[(size_t) s], lengths + s, 1, out + (size_t) s * (size_t) weights_.hp.n_proj);
        return;
    }
    built_graph & g = prepare(text_, build_text_graph, shape, /*is_text=*/true, keep);
    set_input(g.input.ids, rows.tokens.data());
    set_input(g.input.positions, rows.positions.data());
    if (g.input.turns) {
        turns_.clear();
        rotary_turns::append_text(hp, rows.positions, turns_);
        set_input(g.input.turns, turns_.data());
    }
    set_input(g.input.rows, rows.rows.data());
    set_input(g.input.pooled, rows.pooled.data());
    set_sequence_inputs(g.input.seqs, shape, rows.positions);
    compute(g, out);
}

}  // namespace ggclip
