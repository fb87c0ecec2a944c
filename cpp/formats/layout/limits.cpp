#include "formats/layout/limits.h"

#include "engine/error.h"

namespace ggclip {

namespace {

[[noreturn]] void fail(const std::string & path, const char * key, const std::string & expected, int64_t found) {
    throw_error(error_code::CONFIG_INVALID,
                path + ": " + key + ": expected " + expected + ", found " + std::to_string(found));
}

// `narrow`: the heads need not fill the width, as in pruned blocks (and mT5-small).
void check_heads(tower_hparams & tower, const std::string & path, const char * width, const char * heads,
                 bool narrow = false) {
    if ((narrow || !tower.pruned.empty()) && tower.d_head > 0) return;
    if (tower.n_head < 1 || tower.n_embd % tower.n_head != 0) {
        fail(path, heads, "a divisor of " + std::string(width) + " (" + std::to_string(tower.n_embd) + ")",
             tower.n_head);
    }
    if (tower.d_head == 0) tower.d_head = tower.n_embd / tower.n_head;
    if (tower.d_head * tower.n_head != tower.n_embd)
        fail(path, heads, "heads of " + std::to_string(tower.n_embd / tower.n_head) + " values", tower.d_head);
}

// Rotary positions turn pairs of values, along `n_axis` axes.
void check_rotary(const tower_hparams & tower, const std::string & path, int n_axis) {
    if (tower.rotary != rotary_pairs::none && tower.d_head % (2 * n_axis) != 0) {
        fail(path, "rotary positions", "heads of a multiple of " + std::to_string(2 * n_axis) + " values",
             tower.d_head);
    }
}

}  // namespace

void check_buckets(const text_hparams & text, const std::string & path) {
    if (text.n_bucket == 0) return;
    if (text.n_bucket % 4 != 0 || text.bucket_distance <= text.n_bucket / 4)
        fail(path, "position buckets", "a multiple of 4, and a distance above a quarter of them", text.n_bucket);
    for (int il = 0; il < text.n_layer; il++)
        if (text.block(il).n_head != text.n_head)
            fail(path, "position buckets", "as many heads in every block", text.block(il).n_head);
}

void check_hparams(hparams & hp, const std::string & path, const field_names & names) {
    if (hp.vision.present) {
        const vision_hparams & v = hp.vision;
        check_heads(hp.vision, path, names.vision_width, names.vision_heads);
        check_rotary(v, path, 2);
        if (v.pool == pooling::attention && v.pool_width() % v.pool_head() != 0) {
            fail(path, "heads of the attention pooling", "a divisor of its width " + std::to_string(v.pool_width()),
                 v.pool_head());
        }
        if (v.patch_size > v.image_size) {
            fail(path, names.patch_size,
                 "at most " + std::string(names.image_size) + " (" + std::to_string(v.image_size) + ")", v.patch_size);
        }
        if (v.n_token() > limits::max_tokens) {
            fail(path, names.patch_size,
                 "at most " + std::to_string(limits::max_tokens) + " image tokens, that is a larger patch",
                 v.patch_size);
        }
        check_layers(v, path);
        // the references also reject pixel sizes other than the tower's
        if (!v.any_grid && hp.image.crop != v.image_size) {
            fail(path, names.crop,
                 "the tower's " + std::string(names.image_size) + " (" + std::to_string(v.image_size) + ")",
                 hp.image.crop);
        }
        if (hp.image.resize < 1 || hp.image.resize > limits::max_image)
            fail(path, names.resize, "1 to " + std::to_string(limits::max_image) + " pixels", hp.image.resize);
    }
    if (hp.text.present) {
        check_heads(hp.text, path, names.text_width, names.text_heads, hp.text.n_bucket > 0);
        check_rotary(hp.text, path, 1);
        text_hparams & t = hp.text;
        if (t.has_class_embd && (!t.causal || t.pool != pooling::last || t.sees_padding)) {
            throw_error(error_code::CONFIG_INVALID,
                        path + ": class token of texts: expected a causal tower that pools the last token");
        }
        if (t.mixer_kernel > 0 && (t.mixer_kernel % 2 == 0 || t.n_mixer_ff < 1 || !t.sees_padding)) {
            throw_error(error_code::CONFIG_INVALID,
                        path +
                            ": mixers of neighbouring tokens: expected an odd kernel, an inner width, and texts that "
                            "run at their padded length");
        }
        check_buckets(t, path);
        t.n_position = t.n_position == t.n_ctx || !t.has_positions ? 0 : t.n_position;
        if (t.has_positions && t.n_ctx + t.position_offset + (t.has_class_embd ? 1 : 0) > t.n_positions()) {
            fail(path, "the text tower's context length",
                 "at most " + std::to_string(t.n_positions() - t.position_offset) + " (rows of the position table)",
                 t.n_ctx);
        }
    }
}

void want_towers(const read_options & options, const std::string & path, hparams & hp) {
    hp.vision.present = hp.vision.present && options.want_vision;
    hp.text.present = hp.text.present && options.want_text;
    if (!hp.vision.present && !hp.text.present) {
        throw_error(error_code::TOWER_MISSING,
                    path + ": has no " + (options.want_vision ? "image" : "text") + " tower");
    }
}

}  // namespace ggclip
