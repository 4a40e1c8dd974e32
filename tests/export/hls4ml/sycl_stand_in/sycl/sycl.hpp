// Just enough of SYCL and its FPGA extensions to run a oneAPI project under g++: pipes are queues without end, and a
// task runs to its end when it is started. It shows what a project computes, not how Intel's tools see it.
#pragma once
#include <cassert>
#include <cstddef>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <exception>
#include <map>
#include <iostream>
#include <stdexcept>
#include <vector>

#define SYCL_EXTERNAL

namespace sycl {

using exception = std::exception;
using exception_list = std::vector<std::exception_ptr>;
namespace property::queue {
struct enable_profiling {};
} // namespace property::queue

struct queue {
    template <class... T> explicit queue(T...) {}
    template <class kernel_T> void single_task(kernel_T kernel) { kernel(); }
    void wait() {}
};

namespace ext::oneapi::experimental {
struct properties_tag {};
template <class... T> struct properties {
    properties() {}
    template <class... U> explicit properties(U...) {}
};
template <class... T> properties(T...) -> properties<>;
} // namespace ext::oneapi::experimental

namespace ext::intel {
inline constexpr int fpga_emulator_selector_v = 0;

namespace experimental {
template <int> struct ready_latency_key {};
template <int N = 0> inline constexpr ready_latency_key<N> ready_latency{};
template <int N = 0> struct interface_key {};
template <int N = 0> inline constexpr interface_key<N> streaming_interface{};
template <int N = 0> inline constexpr interface_key<N> pipelined{};

template <class name_T, class data_T, int32_t CAPACITY = 0, class properties_T = oneapi::experimental::properties<>>
struct pipe {
    static std::deque<data_T> &waiting() {
        static std::deque<data_T> made;
        return made;
    }
    static data_T read() {
        if (waiting().empty())
            throw std::runtime_error("a pipe is read before it is written");
        data_T front = waiting().front();
        waiting().pop_front();
        return front;
    }
    static void write(const data_T &data) { waiting().push_back(data); }
    static data_T read(queue &) { return read(); }
    static void write(queue &, const data_T &data) { write(data); }
};

template <auto &function> struct task_sequence {
    template <class... T> void async(T... arguments) { function(arguments...); }
};
} // namespace experimental
} // namespace ext::intel
} // namespace sycl
