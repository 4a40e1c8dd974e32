/* An edgetrack network on a CPU: the interface of C and C++. No dependency but the C++ standard library.

   A network is a table of functions for each path (portable, avx2, avx512vnni) that it was compiled for; its name and
   the numbers of its inputs, ends and domains stand in the generated network.h. All paths give the same integers, for
   any number of threads and any order of edges. */
#ifndef EDGETRACK_NATIVE_H
#define EDGETRACK_NATIVE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edgetrack_network edgetrack_network; /* what a generated network.cpp holds */
typedef struct edgetrack_runtime edgetrack_runtime; /* a network, its path, and memory that runs use again */

/* One graph. Memory stays the caller's. */
typedef struct {
    const int64_t *counts;        /* by domain: elements */
    const float *const *features; /* by input: (elements, width) raw features, row by row */
    const int64_t *const *ends;   /* by end: (elements of its domain,) rows of the domain that it lies in */
} edgetrack_graph;

enum {
    EDGETRACK_OK = 0,
    EDGETRACK_NAN = 1,       /* a feature is NaN, which no code stands for */
    EDGETRACK_INDEX = 2,     /* an end lies outside its domain */
    EDGETRACK_DEGREE = 3,    /* a mean over more elements than its reciprocals are precise for */
    EDGETRACK_SUM = 4,       /* a sum over so many elements could leave its integer type */
    EDGETRACK_MEMORY = 5,
    EDGETRACK_ARGUMENT = 6,  /* a number of threads or of rows below its least, or of a kernel that there is not */
};
const char *edgetrack_message(int error);

/* A runtime on the path of that name, or on the fastest that this processor has (path NULL). NULL where it has not got
   that path, or the network was not compiled for it. One thread at a time may use a runtime. */
edgetrack_runtime *edgetrack_open(const edgetrack_network *const *paths, const char *path);
void edgetrack_close(edgetrack_runtime *runtime);
const char *edgetrack_path(const edgetrack_runtime *runtime);
int edgetrack_has_path(const char *path); /* whether this processor can run it */
int64_t edgetrack_memory(const edgetrack_runtime *runtime); /* bytes that the largest graph so far took */

/* Run one graph on `threads` threads. `codes` (elements, width) integers of the output, `reals` the same as numbers;
   either may be NULL. `shown`: NULL, or by shown value a place for its codes (elements, width), or NULL.
   A network of floats has no codes, and shows the bits of floats. */
int edgetrack_run(edgetrack_runtime *runtime, const edgetrack_graph *graph, int threads, int32_t *codes, float *reals,
                  int32_t *const *shown);

/* One MLP, map or table on `rows` rows: codes of its inputs (rows, width) to codes of its output. */
int edgetrack_run_kernel(edgetrack_runtime *runtime, int kernel, int64_t rows, const int32_t *const *inputs,
                         int32_t *output);

#ifdef __cplusplus
}
#endif
#endif
