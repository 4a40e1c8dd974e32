// Memory, threads and the choice of a path. Compiled for any processor: only the passes use wide instructions.
#include "native_network.h"
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int64_t TILE = 64; // elements: slices of threads begin at multiples

class Barrier {
  public:
    explicit Barrier(int threads) : threads_(threads) {}
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        const long round = round_;
        if (++waiting_ == threads_) {
            waiting_ = 0;
            ++round_;
            all_.notify_all();
        } else {
            all_.wait(lock, [&] { return round != round_; });
        }
    }

  private:
    std::mutex mutex_;
    std::condition_variable all_;
    int threads_, waiting_ = 0;
    long round_ = 0;
};

int64_t padded(int64_t bytes) { return (bytes + 127) / 64 * 64; }

} // namespace

struct edgetrack_runtime {
    const edgetrack_network *network;
    char *memory = nullptr;
    int64_t size = 0;

    ~edgetrack_runtime() { std::free(memory); }
    bool reserve(int64_t bytes) {
        if (bytes <= size) return true;
        std::free(memory);
        size = 0;
        memory = static_cast<char *>(std::aligned_alloc(64, static_cast<size_t>(padded(bytes))));
        if (memory != nullptr) size = bytes;
        return memory != nullptr;
    }
};

namespace {

// One run: everything that threads share.
struct Run {
    const edgetrack_network &net;
    edgetrack_job job;
    int threads;
    Barrier barrier;
    std::vector<uint32_t *> stores;
    std::vector<char *> sums;
    std::vector<int64_t> strides;
    std::vector<int32_t *> counted; // by end: [thread][element], of which the first is the result
    std::vector<const int32_t *> degrees;
    std::vector<int> errors; // by thread

    Run(const edgetrack_network &network, const edgetrack_graph &graph, int wanted)
        : net(network), job(), threads(wanted), barrier(wanted), stores(network.stores), sums(network.sums),
          strides(network.sums), counted(network.ends), degrees(network.ends), errors(wanted) {
        job.counts = graph.counts;
        job.features = graph.features;
        job.ends = graph.ends;
        job.threads = threads;
    }

    int64_t count(int domain) const { return job.counts[domain]; }

    bool overflows(const edgetrack_sum &sum) const {
        return sum.magnitude > 0 && count(net.end[sum.end].domain) > INT32_MAX / sum.magnitude;
    }

    bool counts_degrees(int end) const {
        if (net.end[end].degrees > 0) return true;
        for (int s = 0; s < net.sums; ++s)
            if (net.sum[s].end == end && overflows(net.sum[s])) return true;
        return false;
    }

    // Bytes needed; with memory, places in it.
    int64_t lay_out(char *memory) {
        int64_t at = 0;
        for (int s = 0; s < net.stores; ++s) {
            stores[s] = reinterpret_cast<uint32_t *>(memory + at);
            at += padded(count(net.store[s].domain) * net.store[s].planes * 4);
        }
        for (int s = 0; s < net.sums; ++s) {
            strides[s] = padded(count(net.sum[s].domain) * net.sum[s].columns * net.sum[s].bytes);
            sums[s] = memory + at;
            at += strides[s] * threads;
        }
        for (int e = 0; e < net.ends; ++e) {
            if (!counts_degrees(e)) continue;
            counted[e] = reinterpret_cast<int32_t *>(memory + at);
            degrees[e] = counted[e];
            at += padded(count(net.end[e].among) * 4 * threads);
        }
        job.stores = stores.data();
        job.sums = sums.data();
        job.strides = strides.data();
        job.degrees = degrees.data();
        return at;
    }

    int64_t slice(int64_t elements, int thread) const {
        const int64_t tiles = (elements + TILE - 1) / TILE;
        return std::min(elements, tiles * thread / threads * TILE);
    }

    void start_sums(int thread) {
        for (int s = 0; s < net.sums; ++s) {
            char *const place = sums[s] + strides[s] * thread;
            const int64_t numbers = count(net.sum[s].domain) * net.sum[s].columns;
            if (net.sum[s].first == 0)
                std::memset(place, 0, static_cast<size_t>(numbers * net.sum[s].bytes));
            else if (net.sum[s].bytes == 8)
                std::fill_n(reinterpret_cast<int64_t *>(place), numbers, net.sum[s].first);
            else
                std::fill_n(reinterpret_cast<int32_t *>(place), numbers, static_cast<int32_t>(net.sum[s].first));
        }
    }

    int count_ends(int thread) {
        for (int e = 0; e < net.ends; ++e) {
            if (counted[e] == nullptr) continue;
            const int64_t among = count(net.end[e].among), all = count(net.end[e].domain);
            int32_t *const mine = counted[e] + among * thread;
            std::memset(mine, 0, static_cast<size_t>(among * 4));
            for (int64_t i = slice(all, thread); i < slice(all, thread + 1); ++i) {
                const int64_t at = job.ends[e][i];
                if (at < 0 || at >= among) return EDGETRACK_INDEX;
                ++mine[at];
            }
        }
        return EDGETRACK_OK;
    }

    int add_counts(int thread) {
        for (int e = 0; e < net.ends; ++e) {
            if (counted[e] == nullptr) continue;
            const int64_t among = count(net.end[e].among);
            int64_t largest = 0;
            for (int64_t i = slice(among, thread); i < slice(among, thread + 1); ++i) {
                for (int t = 1; t < threads; ++t) counted[e][i] += counted[e][among * t + i];
                largest = std::max<int64_t>(largest, counted[e][i]);
            }
            if (net.end[e].degrees > 0 && largest > net.end[e].degrees) return EDGETRACK_DEGREE;
            for (int s = 0; s < net.sums; ++s)
                if (net.sum[s].end == e && net.sum[s].magnitude > 0 && largest > INT32_MAX / net.sum[s].magnitude)
                    return EDGETRACK_SUM;
        }
        return EDGETRACK_OK;
    }

    int error() const {
        for (const int error : errors)
            if (error != EDGETRACK_OK) return error;
        return EDGETRACK_OK;
    }

    void work(int thread) {
        start_sums(thread);
        errors[thread] = count_ends(thread);
        barrier.wait();
        if (error() != EDGETRACK_OK) return;
        barrier.wait(); // nobody writes an error before all have read them
        errors[thread] = add_counts(thread);
        for (int p = 0; p < net.passes; ++p) {
            barrier.wait();
            if (error() != EDGETRACK_OK) return;
            barrier.wait();
            const int64_t elements = count(net.pass[p].domain);
            const int64_t first = slice(elements, thread), last = slice(elements, thread + 1);
            if (first < last) errors[thread] = net.pass[p].run(&job, thread, first, last);
        }
    }
};

bool has_path(const std::string &path) {
    if (path == "portable") return true;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (path == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (path == "avx512vnni")
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("fma");
#endif
    return false;
}

} // namespace

extern "C" {

const char *edgetrack_message(int error) {
    switch (error) {
    case EDGETRACK_OK: return "no error";
    case EDGETRACK_NAN: return "cannot quantise NaN";
    case EDGETRACK_INDEX: return "an end lies outside its domain";
    case EDGETRACK_DEGREE: return "a mean over more elements than the reciprocals are precise for";
    case EDGETRACK_SUM: return "a sum over so many elements could leave its integer type";
    case EDGETRACK_MEMORY: return "not enough memory";
    default: return "an argument is out of its range";
    }
}

int edgetrack_has_path(const char *path) { return has_path(path); }

edgetrack_runtime *edgetrack_open(const edgetrack_network *const *paths, const char *path) {
    for (; *paths != nullptr; ++paths) { // fastest first
        const bool wanted = path == nullptr || std::strcmp(path, (*paths)->path) == 0;
        if (!wanted || !has_path((*paths)->path)) continue;
        edgetrack_runtime *const runtime = new (std::nothrow) edgetrack_runtime;
        if (runtime != nullptr) runtime->network = *paths;
        return runtime;
    }
    return nullptr;
}

void edgetrack_close(edgetrack_runtime *runtime) { delete runtime; }
const char *edgetrack_path(const edgetrack_runtime *runtime) { return runtime->network->path; }
int64_t edgetrack_memory(const edgetrack_runtime *runtime) { return runtime->size; }

int edgetrack_run(edgetrack_runtime *runtime, const edgetrack_graph *graph, int threads, int32_t *codes, float *reals,
                  int32_t *const *shown) {
    if (threads < 1) return EDGETRACK_ARGUMENT;
    for (int d = 0; d < runtime->network->domains; ++d)
        if (graph->counts[d] < 0 || graph->counts[d] > INT32_MAX) return EDGETRACK_ARGUMENT;
    try {
        Run run(*runtime->network, *graph, threads);
        if (!runtime->reserve(run.lay_out(nullptr))) return EDGETRACK_MEMORY;
        run.lay_out(runtime->memory);
        run.job.codes = codes;
        run.job.reals = reals;
        run.job.shown = shown;
        std::vector<std::thread> others;
        others.reserve(threads);
        for (int thread = 1; thread < threads; ++thread) others.emplace_back([&run, thread] { run.work(thread); });
        run.work(0);
        for (std::thread &other : others) other.join();
        return run.error();
    } catch (const std::bad_alloc &) {
        return EDGETRACK_MEMORY;
    }
}

int edgetrack_run_kernel(edgetrack_runtime *runtime, int kernel, int64_t rows, const int32_t *const *inputs,
                         int32_t *output) {
    if (kernel < 0 || kernel >= runtime->network->kernels || rows < 0) return EDGETRACK_ARGUMENT;
    return runtime->network->kernel[kernel](rows, inputs, output);
}
}
