"""Configuration: typed dataclasses ↔ YAML, with overrides from the command line."""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from edgetrack.scripts.yaml_text import YamlError, parse_yaml, yaml_text

Config = TypeVar("Config")
OWN = Path(__file__).parent / "configs"
_PLAIN = (str, int, float, bool, list, tuple, type(None))


class ConfigError(ValueError):
    """A configuration that cannot be taken: names the key, what it holds, what is wanted."""


def load_config(cls: type[Config], file: Path | str | None = None, overrides: Sequence[str] = ()) -> Config:
    """The dataclass `cls` from its defaults, then `file` (YAML), then `overrides` like "train.epochs=20".

    Values of overrides are YAML too: `scale=[4, 1, 0.5]`. Types are taken at their word: true is no number, 8.0 no
    whole one, "8" a text. Raises ConfigError with every slip at once: an unknown key (naming the nearest valid one), a
    missing field, a value of the wrong type; and for a file that is no YAML mapping.
    """
    tree = _given(cls, file, overrides)
    try:
        return _validated(cls, tree)
    except ValidationError as error:
        raise _config_error(cls, error.errors()) from error


def config_text(cls: Any, file: Path | str | None = None, overrides: Sequence[str] = ()) -> str:
    """The YAML that `load_config` would take, with <what is wanted> for each required field that is not given.

    Raises ConfigError as `load_config` does, but for such fields.
    """
    tree = _given(cls, file, overrides)
    try:
        return dump_config(_validated(cls, tree))
    except ValidationError as error:
        slips = [slip for slip in error.errors() if not (slip["type"] == "missing" and len(slip["loc"]) == 1)]
        if slips:
            raise _config_error(cls, slips) from error
    fields = {field.name: f"<{field.metadata.get('help', 'required')}>" for field in dataclasses.fields(cls)}
    return yaml_text({name: tree.get(name, wanted) for name, wanted in fields.items()})


def dump_config(config: Any) -> str:
    """YAML of a config dataclass; `load_config` reads the same value back."""
    return yaml_text(TypeAdapter(type(config)).dump_python(config, mode="json"))


def _validated(cls: type[Config], tree: Mapping[str, Any]) -> Config:
    # As JSON, since strict validation of Python values would want dataclasses and tuples where YAML has but mappings
    # and lists. A date, which YAML knows and JSON does not, is a text.
    return TypeAdapter(cls).validate_json(json.dumps(tree, default=str), strict=True)


def _given(cls: Any, file: Path | str | None, overrides: Sequence[str]) -> dict[str, Any]:
    """Defaults, file and overrides as one tree, all of whose keys `cls` has."""
    given = _read(Path(file)) if file is not None else {}
    for override in overrides:
        _override(cls, given, override)
    unknown = list(_unknown_keys(cls, _defaults(cls), given))
    if unknown:
        raise ConfigError("\n".join(unknown))
    return _merged(cls, _defaults(cls), given)


def _unknown_keys(cls: Any, defaults: Any, tree: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """One line for each key in the nested mapping `tree` that the dataclass `cls` does not have."""
    hints = typing.get_type_hints(cls)
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    for key, value in tree.items():
        if key in known:
            section, inner = _section(hints[key], defaults.get(key), value)
            if section is not None and isinstance(value, Mapping):
                yield from _unknown_keys(section, inner, value, f"{path}{key}.")
            continue
        near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)
        guess = f"; did you mean {path + near[0]!r}?" if near else ";"
        yield f"config: unknown key {path + str(key)!r}{guess} Known here: {', '.join(sorted(known)) or 'no key'}"


def _config_error(cls: Any, slips: Sequence[Any]) -> ConfigError:
    """One line for each of pydantic's `slips`."""
    return ConfigError("\n".join(_slip(cls, slip) for slip in slips))


def _slip(cls: Any, slip: Any) -> str:
    key = _key(cls, slip["loc"])
    if slip["type"] == "missing":
        field = next((field for field in dataclasses.fields(cls) if field.name == key), None)
        if field is None:
            return f"config {key}: missing; give it in the config file, or with --set {key}=…"
        spelling = f"--{key.replace('_', '-')}"
        wanted = f" ({field.metadata['help']})" if "help" in field.metadata else ""
        return f"{spelling} is missing{wanted}; give it, or the key {key!r} in the config file"
    message = slip["msg"].removeprefix("Value error, ")
    # A whole section says nothing about which of its values is wrong; the message of its own check does.
    shown = f", got {slip['input']!r}" if isinstance(slip["input"], _PLAIN) else ""
    return f"config {key or cls.__name__}: {message}{shown}"


def _key(cls: Any, place: Sequence[Any]) -> str:
    """The key at `place`, where pydantic also names the kind of each section that may be of several."""
    parts, hint = [], cls
    for part in place:
        sections = _dataclasses_in(hint)
        if len(sections) > 1:
            hint = next((section for section in sections if _kind(section) == part), None)
            continue
        parts.append(str(part))
        hint = typing.get_type_hints(sections[0]).get(part) if sections else None
    return ".".join(parts)


def _defaults(cls: Any) -> dict[str, Any]:
    """The defaults of a dataclass as a tree: a section given in part keeps the rest of what this class sets there."""
    tree = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            value = field.default
        elif field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        else:
            continue
        tree[field.name] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return tree


def _merged(cls: Any, tree: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`tree` with what is given: key by key where it is a section, whole where it is a value, be it a mapping."""
    hints = typing.get_type_hints(cls)
    merged = dict(tree)
    for key, value in given.items():
        section, known = _section(hints[key], merged.get(key), value)
        if section is not None and known and isinstance(value, Mapping):
            value = _merged(section, known, value)
        merged[key] = value
    return merged


def _section(hint: Any, default: Any, given: Any) -> tuple[Any, dict[str, Any]]:
    """The dataclass of a section and its defaults, of several the one of the kind that is given, else of the default's.

    None where `hint` has none, or none of that kind.
    """
    sections = _dataclasses_in(hint)
    known = dict(default) if isinstance(default, Mapping) else {}
    if len(sections) < 2:
        return (sections[0], known) if sections else (None, {})
    kind = given.get("kind", known.get("kind")) if isinstance(given, Mapping) else known.get("kind")
    section = next((section for section in sections if _kind(section) == kind), None)
    if section is not None and kind != known.get("kind"):
        known = _defaults(section)
    return section, known


def _dataclasses_in(hint: Any) -> list[Any]:
    """The dataclasses named by a type hint, in the order of a union, each once."""
    if typing.get_origin(hint) is typing.Annotated:
        return _dataclasses_in(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return list(dict.fromkeys(found for part in typing.get_args(hint) for found in _dataclasses_in(part)))
    return [hint] if dataclasses.is_dataclass(hint) else []


def _kind(section: Any) -> Any:
    """What a dataclass has as its `kind`, which tells those of a union apart; None where it has no such field."""
    return next((field.default for field in dataclasses.fields(section) if field.name == "kind"), None)


def _read(file: Path) -> dict[str, Any]:
    """What a file says, or one of the package's own by its name."""
    own = OWN / f"{file.name.removesuffix('.yaml')}.yaml"
    if not file.exists() and file.parent == Path() and own.is_file():
        file = own
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in OWN.glob("*.yaml")))
        raise ConfigError(
            f"config file {file} does not exist; `edgetrack run --print-config` prints one to start from, and the "
            f"package's own are {known}"
        )
    try:
        tree = parse_yaml(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 ({error}); save it as UTF-8") from error
    except YamlError as error:
        raise ConfigError(f"{file}: not YAML: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{file}: holds a {type(tree).__name__}, wanted a mapping of keys to values")
    return tree


def _override(cls: Any, tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {override!r}: wanted KEY=VALUE{_example(cls)}")
    try:
        value = parse_yaml(text)
    except YamlError as error:
        raise ConfigError(f"--set {override!r}: the value is not YAML: {error}") from error
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"--set {override!r}: {parent!r} is a value, not a section")
        tree = child
    tree[last] = value


def _example(cls: Any) -> str:
    """One key that the config has, with its default."""
    for name, value in _defaults(cls).items():
        while isinstance(value, Mapping) and value:
            inner, value = next(iter(value.items()))
            name = f"{name}.{inner}"
        if isinstance(value, str | int | float) and value != "":
            return f", for instance --set {name}={json.dumps(value)}"
    return ""
