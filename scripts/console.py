"""What a verb says on the terminal: tables and short notes on stdout, progress on stderr."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rich.console
import rich.progress
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from edgetrack.events.progress import Progress


class Console:
    """Progress and notes for people; says nothing when quiet, as it is where `--json` ends with a result on stdout."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._out, self._progress = (
            rich.console.Console(stderr=stderr, quiet=quiet, highlight=False) for stderr in (False, True)
        )
        if not self._out.is_terminal:
            self._out.width = 120

    def say(self, text: str) -> None:
        """One line of plain text."""
        self._out.print(text, markup=False)

    def heading(self, text: str) -> None:
        """The title of a stage."""
        self._out.rule(f"[bold]{text}", align="left")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; every cell is shown as its `str`."""
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*(Text(str(cell)) for cell in row))
        self._out.print(table)

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Progress]:
        """Yield `progress(done, of)`, shown as a bar with elapsed and remaining time.

        Without a terminal, a line is printed for about every tenth of the work.
        """
        if self._progress.is_terminal and not self.quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            with rich.progress.Progress(*columns, console=self._progress) as bars:
                task = bars.add_task(title, total=total)
                yield lambda done, of: bars.update(task, completed=done, total=of)
            return
        shown = -1

        def line(done: int, of: int) -> None:
            nonlocal shown
            tenth = 10 * done // max(of, 1)
            if tenth > shown:
                shown = tenth
                self._progress.print(f"{title}: {done}/{of}", markup=False)

        yield line
