// Values of all hyper-parameters listed in engine/hparams-fields.h, by name.
#pragma once

#include "engine/hparams-fields.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace test {

using namespace ggclip;

class field_values {
  public:
    std::map<std::string, std::string> all;
    std::set<const void *> members;  // addresses
    size_t n_of_block = 0;           // lines for members of a block
    size_t n_of_layer = 0;           // of a convolutional layer

    template <class T>
    void operator()(const hparam & field, const T & value, const T &) {
        put(field, text(value)), members.insert(&value);
    }
    void operator()(const hparam & field, const tower_hparams & tower, int32_t tower_hparams::*most,
                    int32_t block_hparams::*each) {
        std::string blocks = text(tower.*most);
        for (const block_hparams & block : tower.pruned) blocks += " " + text(block.*each);
        put(field, blocks);
        members.insert(&(tower.*most));
        members.insert(&tower.pruned);
        n_of_block++;
    }

    template <class T>
    void operator()(const hparam & field, const std::vector<conv_layer> & layers, T conv_layer::*member) {
        std::string values;
        for (const conv_layer & layer : layers) values += text(layer.*member) + " ";
        put(field, values);
        members.insert(&layers);
        n_of_layer++;
    }

  private:
    void put(const hparam & field, const std::string & value) {
        const std::string name = field.name      ? field.name
                                 : field.pattern ? field.pattern
                                                 : "#" + std::to_string(all.size());
        all[std::string(field.tower) + "." + name] = value;
    }
    static std::string text(const std::string & value) { return value; }
    static std::string text(float value) { return print_text("%a", (double) value); }
    template <class T>
    static std::enable_if_t<std::is_integral_v<T> || std::is_enum_v<T>, std::string> text(T value) {
        return std::to_string((int64_t) value);
    }
    template <class T, size_t N>
    static std::string text(const std::array<T, N> & values) {
        std::string out;
        for (const T & value : values) out += text(value) + " ";
        return out;
    }
};

inline field_values fields_of(const hparams & hp) {
    field_values values;
    visit_hparams(hp, values);
    return values;
}

// "vision.heads: 4 became 2"; "" if equal
inline std::string difference(const hparams & before, const hparams & after) {
    const auto a = fields_of(before).all, b = fields_of(after).all;
    std::string out;
    for (const auto & [name, value] : a) {
        const auto found = b.find(name);
        if (found == b.end() || found->second != value)
            out += name + ": " + value + " became " + (found == b.end() ? "nothing" : found->second) + "; ";
    }
    return a.size() == b.size() ? out : out + "other fields";
}

}  // namespace test
