// A simulated GPU for ggml: separate memory, poisoned when freed, and optionally one unsupported operation. ggml's CPU
// backend does the computing.
#pragma once

#include <ggml-backend-impl.h>
#include <ggml-cpu.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace test::pretended {

inline ggml_op lacking = GGML_OP_COUNT;  // the operation the device lacks; COUNT: none
inline int n_runs = 0;                   // graphs computed
inline bool has_memory = true;           // whether allocations succeed
inline bool computes = true;             // else every result is 0, at once
inline int delay_ms = 0;                 // of every graph

inline ggml_backend_reg registry = {};
inline ggml_backend_device device = {};
inline ggml_backend_buffer_type memory = {};

constexpr size_t alignment = 128;

inline char * bytes_of(const ggml_tensor * t, size_t offset) { return static_cast<char *>(t->data) + offset; }

inline ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, size_t size) {
    if (!has_memory) return nullptr;
    ggml_backend_buffer_i calls = {};
    calls.get_base = [](ggml_backend_buffer_t buffer) { return buffer->context; };
    // never returned to the system, so that a stale read sees NaN
    calls.free_buffer = [](ggml_backend_buffer_t buffer) { memset(buffer->context, 0xff, buffer->size); };
    calls.memset_tensor = [](ggml_backend_buffer_t, ggml_tensor * t, uint8_t value, size_t offset, size_t n) {
        memset(bytes_of(t, offset), value, n);
    };
    calls.set_tensor = [](ggml_backend_buffer_t, ggml_tensor * t, const void * data, size_t offset, size_t n) {
        memcpy(bytes_of(t, offset), data, n);
    };
    calls.get_tensor = [](ggml_backend_buffer_t, const ggml_tensor * t, void * data, size_t offset, size_t n) {
        memcpy(data, bytes_of(t, offset), n);
    };
    calls.clear = [](ggml_backend_buffer_t buffer, uint8_t value) { memset(buffer->context, value, buffer->size); };
    static std::vector<void *> & blocks = *new std::vector<void *>;  // stays reachable: no leak report
    blocks.push_back(aligned_alloc(alignment, (size / alignment + 1) * alignment));
    memset(blocks.back(), 0xff, size);
    return ggml_backend_buffer_init(type, calls, blocks.back(), size);
}

inline ggml_backend_t start(ggml_backend_dev_t, const char *) {
    static ggml_guid id = {0x67, 0x67, 0x63, 0x6c, 0x69, 0x70};
    ggml_backend_i calls = {};
    calls.get_name = [](ggml_backend_t) { return "Pretended0"; };
    calls.free = [](ggml_backend_t backend) {
        ggml_backend_free((ggml_backend_t) backend->context);
        delete backend;
    };
    calls.graph_compute = [](ggml_backend_t backend, ggml_cgraph * graph) {
        n_runs++;
        std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
        for (int i = 0; !computes && i < ggml_graph_n_nodes(graph); i++) {
            ggml_tensor * const node = ggml_graph_node(graph, i);
            memset(node->data, 0, ggml_nbytes(node));
        }
        if (!computes) return GGML_STATUS_SUCCESS;
        return ggml_backend_graph_compute((ggml_backend_t) backend->context, graph);
    };
    ggml_backend_t cpu = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(cpu, 1);
    return new ggml_backend{&id, calls, &device, cpu};
}

inline ggml_backend_reg_t make_registry() {
    memory.device = &device;
    memory.iface.get_name = [](ggml_backend_buffer_type_t) { return "Pretended0"; };
    memory.iface.alloc_buffer = allocate;
    memory.iface.get_alignment = [](ggml_backend_buffer_type_t) { return alignment; };
    memory.iface.is_host = [](ggml_backend_buffer_type_t) { return false; };

    device.reg = &registry;
    device.iface.get_name = [](ggml_backend_dev_t) { return "Pretended0"; };
    device.iface.get_description = [](ggml_backend_dev_t) { return "a pretended GPU"; };
    device.iface.get_memory = [](ggml_backend_dev_t, size_t * free, size_t * total) {
        *free = *total = (size_t) 1 << 30;
    };
    device.iface.get_type = [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; };
    device.iface.get_props = [](ggml_backend_dev_t, ggml_backend_dev_props * props) {
        *props = {};
        props->name = props->description = "Pretended0";
        props->type = GGML_BACKEND_DEVICE_TYPE_GPU;
    };
    device.iface.init_backend = start;
    device.iface.get_buffer_type = [](ggml_backend_dev_t) { return &memory; };
    device.iface.supports_op = [](ggml_backend_dev_t, const ggml_tensor * op) { return op->op != lacking; };
    device.iface.supports_buft = [](ggml_backend_dev_t, ggml_backend_buffer_type_t type) { return type == &memory; };

    registry.api_version = GGML_BACKEND_API_VERSION;
    registry.iface.get_name = [](ggml_backend_reg_t) { return "Pretended"; };
    registry.iface.get_device_count = [](ggml_backend_reg_t) { return (size_t) 1; };
    registry.iface.get_device = [](ggml_backend_reg_t, size_t) { return &device; };
    return &registry;
}

inline void enter() { ggml_backend_register(make_registry()); }

}  // namespace test::pretended
