"""A training's history is read as it was written."""

from pathlib import Path

import pytest

from edgetrack.models.history import HISTORY_FILE, read_history, write_history


def test_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    records = [{"epoch": float(epoch), "train_loss": 0.1 / (epoch + 3)} for epoch in range(3)]
    write_history(records, tmp_path)
    history = read_history(tmp_path)
    assert {name: values.tolist() for name, values in history.items()} == {
        name: [record[name] for record in records] for name in records[0]
    }
    assert (tmp_path / HISTORY_FILE).read_text().startswith("epoch,train_loss\n0.0,")


def test_no_epoch_leaves_no_history(tmp_path: Path) -> None:
    write_history([], tmp_path)
    assert read_history(tmp_path) == {}


@pytest.mark.parametrize("text", ["epoch,train_loss\n0.0,many\n", "epoch,train_loss\n0.0\n"])
def test_damaged_history_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / HISTORY_FILE).write_text(text)
    with pytest.raises(ValueError, match=r"history.csv: damaged .* train again"):
        read_history(tmp_path)
