"""The layers of an hls4ml project, and who reads what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgetrack.export.hls4ml.cpp_names import check_name

MOST_READERS = 7  # hls4ml duplicates a stream at most that often


@dataclass
class HlsNetwork:
    """What hls4ml's `ModelGraph.from_layer_list` takes, and where each value of the network is to be found in it."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    precision: dict[str, dict[str, str]] = field(default_factory=dict)  # layer → type of each of its variables
    inputs: list[str] = field(default_factory=list)
    output: str = ""
    values: dict[str, str] = field(default_factory=dict)  # layer → value, in order ("phi_r1.0": hidden activation)

    def add(self, class_name: str, name: str, precision: dict[str, str], **attributes: Any) -> None:
        check_name(name, self.precision)
        self.layers.append({"class_name": class_name, "name": name, **attributes})
        self.precision[name] = precision

    def add_input(self, name: str, result: str, words: tuple[int, int]) -> None:
        self.add("InputLayer", name, {"result": result}, input_shape=list(words))
        self.inputs.append(name)

    def spread_readers(self, words: Mapping[str, tuple[int, int]]) -> None:
        """Add copies of values that are read more often than hls4ml duplicates a stream: each has readers of its own.

        `words` is (beats, columns of a beat) of each layer that more than one reads.
        """
        for name, (beats, columns) in words.items():
            source, copies = name, 0
            while True:
                readers = [layer for layer in self.layers if source in layer.get("inputs", [])]
                direct = MOST_READERS - (source == self.output)
                if len(readers) <= direct:
                    break
                copies += 1
                copy = f"{name}_copy_{copies}"
                for layer in readers[direct - 1 :]:
                    layer["inputs"] = [copy if read == source else read for read in layer["inputs"]]
                types = {"result": self.precision[source]["result"]}
                self.add("JoinColumns", copy, types, inputs=[source], widths=[columns], beats=beats, lanes=1)
                place = next(i for i, layer in enumerate(self.layers) if layer["name"] == source)
                self.layers.insert(place + 1, self.layers.pop())
                source = copy
