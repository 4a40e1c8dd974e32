"""A table of the cases of a study: one row a case, one column a key, those of inner mappings last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgetrack.scripts.console import Console


def show_cases(title: str, cases: Sequence[Mapping[str, Any]], console: Console) -> None:
    """All cases have the keys of the first."""
    columns = [key for key in cases[0] if not isinstance(cases[0][key], Mapping)]
    nested = [(key, inner) for key in cases[0] if isinstance(cases[0][key], Mapping) for inner in cases[0][key]]
    rows = [
        [_shown(case[key]) for key in columns] + [_shown(case[key][inner]) for key, inner in nested] for case in cases
    ]
    console.table(title, [*columns, *(f"{inner} ({key})" for key, inner in nested)], rows)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
