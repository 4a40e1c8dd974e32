"""One file: the same back, and refused where it is damaged, of another version, or of nothing of the kind."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from small_detector import hits_on, small_modules

from edgetrack.graphs.build import GraphConfig, doublets
from edgetrack.graphs.files import GraphFileError
from edgetrack.graphs.geometric import GeometricConfig, geometric_edges
from edgetrack.graphs.labels import LabelConfig
from edgetrack.graphs.module_map.construction import ModuleMapConstruction
from edgetrack.graphs.module_map.files import load_module_map, save_module_map
from edgetrack.graphs.module_map.fit import learnt_map
from edgetrack.graphs.module_map.module_map import ModuleMap
from edgetrack.graphs.module_map.pairs import true_pairs
from edgetrack.graphs.selection import SelectionConfig

MODULES = small_modules()


@pytest.fixture(scope="module")
def made() -> ModuleMap:
    return learnt_map(true_pairs(hits_on(MODULES, 1, 80), MODULES, LabelConfig()), MODULES, 0.5, "exact")


def assert_equal(first: ModuleMap, second: ModuleMap) -> None:
    for field in fields(ModuleMap)[1:]:
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
    for field in fields(first.modules):
        np.testing.assert_array_equal(getattr(first.modules, field.name), getattr(second.modules, field.name))


def test_what_is_written_is_read_back_exactly_and_the_same_gives_the_same_bytes(
    made: ModuleMap, tmp_path: Path
) -> None:
    path = save_module_map(made, tmp_path / "deep" / "modules.npz")
    read = load_module_map(path)
    assert_equal(read, made)
    assert read.pairs > 50
    assert save_module_map(read, tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_damaged_and_foreign_files_are_refused(made: ModuleMap, tmp_path: Path) -> None:
    path = save_module_map(made, tmp_path / "modules.npz")
    content, broken, refused = path.read_bytes(), tmp_path / "broken.npz", 0
    for position in range(40, len(content) - 200, len(content) // 40):
        broken.write_bytes(content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :])
        try:
            read = load_module_map(broken)
        except GraphFileError as error:
            refused += "broken.npz" in str(error)
        else:  # a date, a length that nothing reads
            assert_equal(read, made)
    assert refused > 20
    np.savez(broken, x=np.zeros(2))
    with pytest.raises(
        GraphFileError, match="key 'version' is missing; wanted a file that `edgetrack module-map` wrote"
    ):
        load_module_map(broken)
    with pytest.raises(FileNotFoundError):
        load_module_map(tmp_path / "none.npz")
    with pytest.raises(ValueError, match=r"ends with '.npy', wanted '.npz'"):
        save_module_map(made, tmp_path / "modules.npy")


def test_another_version_and_changed_contents_are_refused(made: ModuleMap, tmp_path: Path) -> None:
    path = save_module_map(made, tmp_path / "modules.npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    for key, value, message in (
        ("version", np.array(2), "a module map of version 2, this edgetrack reads 1; make it again"),
        ("count", arrays["count"] + 1, "contents are not those that were written"),
        ("module_id", arrays["module_id"] + 1, "contents are not those that were written"),
        ("geometry", np.array("0" * 64), "contents are not those that were written"),
    ):
        np.savez(tmp_path / "wrong.npz", **{**arrays, key: value})
        with pytest.raises(GraphFileError, match=f"wrong.npz: .*{message}"):
            load_module_map(tmp_path / "wrong.npz")


def test_a_construction_by_a_file_keeps_what_its_map_keeps_in_the_order_of_the_doublets(
    made: ModuleMap, tmp_path: Path
) -> None:
    path = save_module_map(made, tmp_path / "modules.npz")
    wide = GeometricConfig(phi_slope_max=0.01, z0_max=1000.0)
    hits = hits_on(MODULES, 9, 30, noise=30)
    edges = geometric_edges(hits, wide)
    for least, margin in ((1, None), (4, None), (1, 1.0)):
        construction = ModuleMapConstruction(file=str(path), least=least, margin=margin)
        found = doublets(hits, GraphConfig(SelectionConfig(pt_min=0.5), wide, construction=construction))
        np.testing.assert_array_equal(found, edges[:, made.joins(hits, edges, least, margin)])
        assert 0 < found.shape[1] < edges.shape[1]
    low = GraphConfig(SelectionConfig(pt_min=0.4), wide, construction=ModuleMapConstruction(file=str(path)))
    with pytest.raises(ValueError, match=r"pt_min = 0\.4 GeV, but the module map .* above 0\.5 GeV"):
        doublets(hits, low)


def test_a_missing_file_and_impossible_settings_are_refused(tmp_path: Path) -> None:
    for file in ("", str(tmp_path / "none.npz")):
        with pytest.raises(ValueError, match="no such file; make one with `edgetrack module-map`"):
            ModuleMapConstruction(file=file).module_map()
    with pytest.raises(ValueError, match="least = 0"):
        ModuleMapConstruction(least=0)
    with pytest.raises(ValueError, match="margin = -1"):
        ModuleMapConstruction(margin=-1)
