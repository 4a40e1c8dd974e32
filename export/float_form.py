"""The float network itself as a form: PyTorch on the CPU, against which the other float forms are held."""

from __future__ import annotations

from edgetrack.export.kind import FloatKind, NoSettings
from edgetrack.models.inference import edge_logits

FLOAT: FloatKind[NoSettings] = FloatKind(
    "float",
    lambda network, folder, settings: lambda graph: edge_logits(network, [graph])[0],
    description="the float network itself, in PyTorch",
    writes=False,
    tolerance=lambda description: 0.0,
)
