"""What can be wrong with a graph, as the accelerator says it with the graph's last row of logits."""

from __future__ import annotations

from enum import IntFlag


class Flags(IntFlag):
    """Any of them: the graph's logits mean nothing. The first is the lowest bit above the graph's number."""

    CAPACITY = 1  # more nodes or edges than fit
    INDEX = 2  # an edge to a node that did not come
    NODES = 4  # rows of nodes are missing or too many, or lanes are not filled in order
    EDGES = 8  # rows of edges are missing or too many
    LATE = 16  # cut off by the time-out
