"""docs/training.md: its program, run as it stands there, trains a network that tells edges apart."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()


def test_the_program_trains(tmp_path: Path) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path / "focal.py"
    script.write_text(text)
    command = [sys.executable, str(script), str(tmp_path / "run")]
    shown = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    figures = ast.literal_eval(shown[0])
    assert figures.keys() == {"validation_loss", "validation_accuracy", "threshold"}
    assert figures["validation_accuracy"] > 0.9
    assert shown[1] == shown[0]  # finished: the same again
