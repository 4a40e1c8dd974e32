"""The error that every bad event raises: what, where, and what to do."""

from __future__ import annotations

from pathlib import Path


class EventError(ValueError):
    """A problem of one event, at a place as exact as is known: file, table, row.

    `problem` says what was wanted, what was got, and the remedy. `row` counts the rows of the table from 0, as pandas
    does; a file has a header, so row 0 stands on line 2.
    """

    def __init__(
        self,
        problem: str,
        *,
        event_id: int | None = None,
        table: str | None = None,
        row: int | None = None,
        file: Path | None = None,
    ) -> None:
        self.problem = problem
        self.event_id = event_id
        self.table = table
        self.row = row
        self.file = file
        place = self._place()
        super().__init__(f"{place}: {problem}" if place else problem)

    def _place(self) -> str:
        if self.file is not None:
            row = "" if self.row is None else f", row {self.row} (line {self.row + 2})"
            return f"{self.file}{row}"
        event = "" if self.event_id is None else f"event {self.event_id}"
        spot = " ".join([self.table or "", "" if self.row is None else f"row {self.row}"]).strip()
        return ", ".join(part for part in (event, spot) if part)
