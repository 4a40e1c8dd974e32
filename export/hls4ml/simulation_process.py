"""The C simulation in a process of its own: an assertion of generated C++ ends it, and nothing else.

Started with the path of a compiled project; imports nothing of edgetrack. Reads pickled requests from stdin, one
`Request` each, and writes a pickled list of arrays to stdout.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from typing import BinaryIO, TypedDict

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class Request(TypedDict):
    """One call of the top function for each sample."""

    function: str
    inputs: list[NDArray[np.float64]]  # in the function's order, each (samples, …)
    output: Shape  # of one sample
    traced: dict[str, Shape]  # layers whose output is wanted too; one sample then


class _TraceEntry(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p))


def answer(library: ctypes.CDLL, request: Request) -> dict[str, NDArray[np.float64]]:
    """The output (samples, …) under "", and the traced layers by name."""
    if not request["traced"]:
        return {"": called(library, request)}
    library.allocate_trace_storage.argtypes = [ctypes.c_size_t]
    library.collect_trace_output.argtypes = [ctypes.c_void_p]
    library.allocate_trace_storage(ctypes.sizeof(ctypes.c_double))
    try:
        outputs = {"": called(library, request)}
        entries = (_TraceEntry * len(request["traced"]))()
        library.collect_trace_output(ctypes.byref(entries))
        for entry in entries:
            name = entry.name.decode()
            data = ctypes.cast(entry.data, ctypes.POINTER(ctypes.c_double))
            outputs[name] = np.ctypeslib.as_array(data, shape=request["traced"][name]).copy()
    finally:
        library.free_trace_storage()
    return outputs


def called(library: ctypes.CDLL, request: Request) -> NDArray[np.float64]:
    """The output of the top function for each sample."""
    inputs = request["inputs"]
    results = np.zeros((len(inputs[0]), *request["output"]))
    buffers = [*inputs, results]
    addresses = [array.ctypes.data for array in buffers]
    strides = [array.strides[0] for array in buffers]
    function = getattr(library, request["function"])
    function.argtypes, function.restype = [ctypes.c_void_p] * len(buffers), None
    for sample in range(len(results)):
        function(*[address + sample * stride for address, stride in zip(addresses, strides, strict=True)])
    return results


def serve(path: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    library = ctypes.CDLL(path)
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        pickle.dump(answer(library, request), answers, protocol=5)
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
