"""Makes the stored outputs of Yosys and nextpnr again: `python tests/export/synthesis/golden/regenerate.py`."""

import json
import tempfile
from pathlib import Path

from edgetrack.export.synthesis.hierarchy import hierarchy_commands
from edgetrack.export.synthesis.place_and_route import place_and_route
from edgetrack.export.synthesis.yosys import synthesise

HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        placed = place_and_route({"adder.v": (HERE / "adder.v").read_text()}, "adder", Path(folder))
        (HERE / "nextpnr_adder.json").write_text(placed.report.read_text())
        statistics = synthesise(
            {"lanes.v": (HERE / "lanes.v").read_text()}, "lanes", hierarchy_commands("lanes"), Path(folder)
        )
        (HERE / "yosys_lanes.json").write_text(json.dumps(statistics, indent=1) + "\n")


if __name__ == "__main__":
    main()
