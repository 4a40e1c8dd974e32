"""The picture of inference times against the pT threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from edgetrack.report.picture import COLOURS, draw_picture

LOOKS = {
    "pyg": ("PyTorch Geometric", COLOURS[1], "o-"),
    "pyg_gpu": ("PyTorch Geometric, GPU", COLOURS[1], "x:"),
    "pytorch": ("steps in PyTorch", COLOURS[3], "s-"),
    "compiled": ("torch.compile", COLOURS[3], "s--"),
    "onnx": ("ONNX Runtime, float", COLOURS[2], "^-"),
    "qcdq": ("ONNX Runtime, QCDQ", COLOURS[2], "^--"),
    "native_float": ("native float", COLOURS[0], "v-"),
    "native_int8": ("native int8", COLOURS[0], "v--"),
}


def draw_inference(cases: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the `cases` of `studies.inference_times.inference_case` to `path`, a PNG; return it."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, (label, colour, look) in LOOKS.items():
            found = [case for case in cases if name in case["milliseconds"]]
            if found:
                thresholds = [case["pt_min"] for case in found]
                times = [case["milliseconds"][name] for case in found]
                axes.plot(thresholds, times, look, color=colour, label=label, ms=4, lw=1)
        axes.set_yscale("log")
        axes.set_xlabel("least pT, GeV")
        axes.set_ylabel("ms a graph")
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

    return draw_picture(path, (6.4, 3.6), draw)
