"""Objectives by name: the registry, the union of configs and the kinds say the same."""

from __future__ import annotations

import typing
from dataclasses import asdict

import pytest
from pydantic import TypeAdapter, ValidationError

from edgetrack.models.named_objectives import OBJECTIVES, EdgeObjective


def test_each_objective_is_read_back_by_its_kind() -> None:
    union = typing.get_args(typing.get_args(EdgeObjective)[0])
    assert set(union) == set(OBJECTIVES.values())
    for name, objective in OBJECTIVES.items():
        assert objective().kind == name
        assert TypeAdapter(EdgeObjective).validate_python(asdict(objective())) == objective()
    with pytest.raises(ValidationError, match="'edge_classification', 'hypertrack_edges'"):
        TypeAdapter(EdgeObjective).validate_python({"kind": "edges"})
