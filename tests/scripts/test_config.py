"""Configuration: YAML and overrides become typed values, and every slip is named."""

from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from edgetrack.scripts.config import ConfigError, config_text, dump_config, load_config
from edgetrack.scripts.option import required


@dataclass(frozen=True)
class Inner:
    epochs: int = 3
    rate: float = 0.5
    name: str | None = None


@dataclass(frozen=True)
class Outer:
    train: Inner = field(default_factory=Inner)
    scale: tuple[float, ...] = (1.0, 2.0)
    seed: int = 1
    maybe: Inner | None = None


def test_file_and_overrides_win_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("train: {epochs: 7}\nseed: 5\n")
    config = load_config(Outer, file, ["train.rate=0.25", "scale=[4, 0.5]", "seed=6", "maybe.epochs=2"])
    assert config == Outer(Inner(7, 0.25), (4.0, 0.5), 6, Inner(2))


@dataclass(frozen=True)
class Job:
    inner: Inner = field(default_factory=lambda: Inner(epochs=60, rate=0.125))


def test_a_section_given_in_part_keeps_the_defaults_of_the_whole() -> None:
    assert load_config(Job, None, ["inner.name=x"]) == Job(Inner(60, 0.125, "x"))


def test_dumped_config_reads_back_equal(tmp_path: Path) -> None:
    config = Outer(Inner(2, 0.1, "φ"), (8.0,), 3, Inner())
    file = tmp_path / "c.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    assert load_config(Outer, file) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", r"unknown key 'train\.epoch'; did you mean 'train\.epochs'"),
        ("sead=3", "unknown key 'sead'; did you mean 'seed'"),
        ("maybe.rates=3", r"did you mean 'maybe\.rate'"),
        ("train.epochs=many", r"config train\.epochs: .*integer.*got 'many'"),
        ("seed", "wanted KEY=VALUE"),
        ("seed.deeper.x=[1", "not YAML"),
    ],
)
def test_slips_are_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(Outer, None, [override])


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(Outer, tmp_path / "none.yaml")
    file = tmp_path / "c.yaml"
    file.write_text("a: [1")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(Outer, file)
    file.write_text("- 1")
    with pytest.raises(ConfigError, match="wanted a mapping"):
        load_config(Outer, file)


@dataclass(frozen=True)
class Checked:
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low = {self.low}, wanted at most high = {self.high}")


@dataclass(frozen=True)
class Needy:
    graphs: str = required("folder of graphs")
    range: Checked = field(default_factory=Checked)
    seed: int = 1


def test_all_slips_are_shown_at_once_without_dumps() -> None:
    with pytest.raises(ConfigError) as unknown:
        load_config(Outer, None, ["sead=3", "train.epoch=3"])
    assert len(str(unknown.value).splitlines()) == 2
    with pytest.raises(ConfigError) as slips:
        load_config(Needy, None, ["range.low=5", "seed=many"])
    assert str(slips.value).splitlines() == [
        "--graphs is missing (folder of graphs); give it, or the key 'graphs' in the config file",
        "config range: low = 5, wanted at most high = 1",
        "config seed: Input should be a valid integer, got 'many'",
    ]


def test_config_text_keeps_a_place_for_what_is_required_and_refuses_the_rest() -> None:
    assert config_text(Needy, None, ["seed=2"]) == "graphs: <folder of graphs>\nrange:\n  low: 0\n  high: 1\nseed: 2\n"
    assert config_text(Needy, None, ["graphs=here"]) == dump_config(Needy("here"))
    with pytest.raises(ConfigError, match="low = 5") as slips:
        config_text(Needy, None, ["range.low=5"])
    assert "missing" not in str(slips.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=true", r"config train\.epochs: .*integer, got True"),
        ("train.epochs=8.0", r"config train\.epochs: .*integer, got 8\.0"),
        ('train.epochs="8"', r"config train\.epochs: .*integer, got '8'"),
        ("train.rate=true", r"config train\.rate: .*number, got True"),
        ('train.rate="0.5"', r"config train\.rate: .*number, got '0\.5'"),
        ("train.name=8", r"config train\.name: .*string, got 8"),
        ("scale=[1, two]", r"config scale\.1: .*number, got 'two'"),
        ("scale=1.0", r"config scale: .*array"),
        ("train=3", r"config train: .*"),
    ],
)
def test_a_value_of_another_type_is_refused_not_converted(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(Outer, None, [override])


def test_numbers_are_read_as_they_are_written() -> None:
    for text, value in (("1e-3", 1e-3), ("2E+2", 200.0), (".5e1", 5.0), ("-1.e-2", -0.01), ("4", 4.0), (".inf", inf)):
        assert load_config(Outer, None, [f"train.rate={text}"]).train.rate == value
    assert load_config(Outer, None, ["train.name=1e"]).train.name == "1e"
    assert load_config(Outer, None, ["train.name=2024-01-02"]).train.name == "2024-01-02"
    with pytest.raises(ConfigError, match=r"config train\.epochs: .*integer, got 100\.0"):
        load_config(Outer, None, ["train.epochs=1e2"])


def test_a_key_that_comes_twice_and_a_file_of_another_encoding_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("train: {epochs: 7}\nseed: 5\ntrain: {epochs: 8}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: not YAML: key 'train' comes twice\n.*line 3"):
        load_config(Outer, file)
    file.write_text("train: {epochs: 7, rate: 1.0, epochs: 8}\n")
    with pytest.raises(ConfigError, match="key 'epochs' comes twice"):
        load_config(Outer, file)
    file.write_bytes("train: {name: é}".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"c\.yaml: not UTF-8 .*; save it as UTF-8"):
        load_config(Outer, file)


def test_the_example_of_an_override_is_a_key_that_the_verb_has() -> None:
    for cls, example in ((Outer, "train.epochs=3"), (Needy, "range.low=0")):
        with pytest.raises(ConfigError, match=rf"wanted KEY=VALUE, for instance --set {example}$"):
            load_config(cls, None, ["x"])
        load_config(cls, None, [example, *(["graphs=here"] if cls is Needy else [])])


@dataclass(frozen=True)
class Scaled:
    scales: dict[str, tuple[float, ...]] = field(default_factory=lambda: {"edge_attr": (4.0, 64.0)})


def test_a_mapping_that_is_a_value_takes_the_place_of_the_default() -> None:
    assert load_config(Scaled, None, ["scales={}"]) == Scaled({})
    assert load_config(Scaled, None, ["scales={x: [1, 2]}"]) == Scaled({"x": (1.0, 2.0)})
    assert load_config(Scaled) == Scaled()


@dataclass(frozen=True)
class Round:
    kind: Literal["round"] = "round"
    radius: float = 1.0
    inner: Inner = field(default_factory=Inner)


@dataclass(frozen=True)
class Square:
    kind: Literal["square"] = "square"
    side: int = 2
    inner: Inner = field(default_factory=lambda: Inner(epochs=9))


@dataclass(frozen=True)
class Shaped:
    shape: Annotated[Round | Square, Field(discriminator="kind")] = field(default_factory=lambda: Round(radius=3.0))


def test_a_section_of_several_kinds_is_the_one_that_is_given(tmp_path: Path) -> None:
    assert load_config(Shaped, None, ["shape.inner.rate=0.25"]) == Shaped(Round(radius=3.0, inner=Inner(3, 0.25)))
    assert load_config(Shaped, None, ["shape.kind=round"]) == Shaped()
    square = load_config(Shaped, None, ["shape.kind=square", "shape.inner.rate=0.25"])
    assert square == Shaped(Square(inner=Inner(9, 0.25)))
    file = tmp_path / "c.yaml"
    file.write_text(dump_config(square), encoding="utf-8")
    assert load_config(Shaped, file, ["shape.side=4"]) == Shaped(Square(side=4, inner=Inner(9, 0.25)))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["shape.side=1"], r"unknown key 'shape\.side'; .*Known here: inner, kind, radius$"),
        (["shape.kind=square", "shape.sides=1"], r"unknown key 'shape\.sides'; did you mean 'shape\.side'"),
        (["shape.kind=square", "shape.side=two"], r"^config shape\.side: .*integer.*got 'two'"),
        (["shape.kind=square", "shape.inner.epochs=two"], r"^config shape\.inner\.epochs: .*integer.*got 'two'"),
        (["shape.kind=flat"], r"^config shape: .*'flat'.*'round', 'square'"),
    ],
)
def test_slips_in_a_section_of_several_kinds_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(Shaped, None, overrides)
