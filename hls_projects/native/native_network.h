// What a generated network tells the driver: its passes over the elements of a domain, and the memory between them.
#pragma once
#include "native.h"

struct edgetrack_job {
    const int64_t *counts;        // by domain
    const float *const *features; // by input
    const int64_t *const *ends;   // by end
    uint32_t *const *stores;      // by store: [element][plane]
    char *const *sums;            // by sum: [thread][element][column]
    const int64_t *strides;       // by sum: bytes a thread
    const int32_t *const *degrees; // by end, where means need them
    int threads;
    int32_t *codes;
    float *reals;
    int32_t *const *shown;
};

struct edgetrack_store { int domain, planes; };
struct edgetrack_sum {
    int domain, columns, bytes; // elements that are summed into, numbers at each, bytes of one
    int end;                    // at which elements are summed
    int64_t magnitude;          // largest code of the source; 0 where no number of elements can overflow
    int64_t first;              // what each number starts from
};
struct edgetrack_end { int domain, among, degrees; }; // degrees: most that a mean allows, 0 where none needs them
struct edgetrack_pass { int domain; int (*run)(const edgetrack_job *, int thread, int64_t first, int64_t last); };
typedef int (*edgetrack_kernel)(int64_t rows, const int32_t *const *inputs, int32_t *output);

struct edgetrack_network {
    const char *path;
    int domains, stores, sums, ends, passes, kernels;
    const edgetrack_store *store;
    const edgetrack_sum *sum;
    const edgetrack_end *end;
    const edgetrack_pass *pass;
    const edgetrack_kernel *kernel;
};
