"""The command line: each verb is a plain function of a typed config and a run folder."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from edgetrack.events.atomic_write import write_text
from edgetrack.scripts.config import config_text, dump_config, load_config
from edgetrack.scripts.console import Console
from edgetrack.scripts.run_folder import in_use, terminable

VerbFunction = Callable[[Any, Path, Console], Mapping[str, Any]]


class Verb(NamedTuple):
    """Where a verb lives: its module is imported when the verb is called, so that `--help` answers at once.

    Its config is written into the run folder when the work is done, or before where the work itself reads it; its
    result as NAME.json beside it.
    """

    module: str
    function: str
    config: str
    help: str
    config_first: bool = False


class Group(NamedTuple):
    """Verbs below a verb."""

    help: str
    verbs: Mapping[str, Verb]


BENCHES = {
    "graphs": Verb("benches.graphs", "bench_graphs", "GraphsBenchConfig", "speed of graph construction"),
    "construction": Verb(
        "benches.construction",
        "bench_construction",
        "ConstructionBenchConfig",
        "graphs of three constructions beside published ones",
    ),
    "simulation": Verb(
        "benches.simulation", "bench_simulation", "SimulationBenchConfig", "simulated against published sizes"
    ),
    "hypertrack": Verb(
        "benches.hypertrack", "bench_hypertrack", "HyperTrackBenchConfig", "speed of HyperTrack beside plain forms"
    ),
    "runtimes": Verb(
        "benches.runtimes",
        "bench_runtimes",
        "RuntimesBenchConfig",
        "speed of native kernels beside PyG and ONNX Runtime",
    ),
    "convergence": Verb(
        "benches.convergence", "bench_convergence", "ConvergenceBenchConfig", "losses by epoch beside published ones"
    ),
    "transfer": Verb(
        "benches.transfer", "bench_transfer", "TransferBenchConfig", "trained at one pT threshold, tested at others"
    ),
    "tracking": Verb(
        "benches.tracking", "bench_tracking", "TrackingBenchConfig", "efficiency and fakes of three track builders"
    ),
    "inference": Verb(
        "benches.inference", "bench_inference", "InferenceBenchConfig", "times of all runtimes against the pT threshold"
    ),
    "training": Verb(
        "benches.training", "bench_training", "TrainingBenchConfig", "time of an epoch beside plain PyG and Brevitas"
    ),
    "sectors": Verb("benches.sectors", "bench_sectors", "SectorsBenchConfig", "what cutting graphs into sectors loses"),
    "accelerator": Verb(
        "benches.accelerator", "bench_accelerator", "AcceleratorBenchConfig", "cycles beside published designs"
    ),
    "resources": Verb("benches.resources", "bench_resources", "ResourcesBenchConfig", "formulas beside synthesis"),
    "clocks": Verb("benches.clocks", "bench_clocks", "ClocksBenchConfig", "clocks of one MLP after place and route"),
}
VERBS: dict[str, Verb | Group] = {
    "simulate": Verb("simulate", "simulate", "SimulateConfig", "Pythia 8 + ACTS collisions in TrackML format"),
    "thin": Verb("thin", "thin", "ThinRunConfig", "events of high pile-up → many disjoint ones of low pile-up"),
    "voxels": Verb("voxels", "voxels", "VoxelsConfig", "events → the voxels and counts of Voxel-Dynamics"),
    "module-map": Verb("module_map", "module_map", "ModuleMapConfig", "events → the module map of a construction"),
    "build": Verb("build", "build", "BuildConfig", "events → hit graphs"),
    "train": Verb("train", "train", "TrainRunConfig", "float training, resumable"),
    "train-masks": Verb(
        "train_masks", "train_masks", "TrainMasksConfig", "float training of HyperTrack's set transformer, resumable"
    ),
    "quantize": Verb("quantize", "quantize", "QuantizeRunConfig", "quantization-aware retraining, resumable"),
    "quantize-masks": Verb(
        "quantize_masks",
        "quantize_masks",
        "QuantizeMasksConfig",
        "retraining of a transformer in few bits, resumable",
    ),
    "search": Verb("search", "search", "SearchConfig", "widths and sparsity of every layer, by physics and LUTs"),
    "tune": Verb("tune", "tune", "TuneConfig", "a checkpoint's track threshold, chosen again on validation graphs"),
    "export": Verb("export", "export", "ExportConfig", "checkpoints → ONNX, HLS, Verilog, …"),
    "explore": Verb("explore", "explore_designs", "ExploreConfig", "which accelerator to build, by formulas"),
    "verify": Verb("verify", "verify", "VerifyRunConfig", "every exported form against the integers, bit by bit"),
    "evaluate": Verb("evaluate", "evaluate", "EvaluateConfig", "edge and tracking metrics of any form"),
    "reconstruct": Verb("reconstruct", "reconstruct", "ReconstructConfig", "events → tracks, one row a hit"),
    "bench": Group("speed and physics tables, as ratios in one run", BENCHES),
    "resources": Verb("resources", "resources", "ResourcesConfig", "vendors' synthesis and timing reports in a table"),
    "report": Verb("report", "report", "ReportConfig", "one self-contained HTML page of a run folder"),
    "run": Verb(
        "run", "run", "RunConfig", "the main job: all of the above, from collisions to the report", config_first=True
    ),
    "doctor": Verb("doctor", "doctor", "DoctorConfig", "which optional tools are there, and how to get the others"),
}


class LazyGroup(click.Group):
    """Verbs as subcommands, made from their config dataclass when asked for; `path` is the way down to a group."""

    def __init__(self, verbs: Mapping[str, Verb | Group], path: str = "", **words: Any) -> None:
        super().__init__(**words)
        self.verbs, self.path = verbs, path

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        match self.verbs.get(cmd_name):
            case Group(text, verbs):
                return LazyGroup(verbs, f"{cmd_name} ", name=cmd_name, help=f"{text[0].upper()}{text[1:]}.")
            case Verb() as verb:
                return verb_command(self.path + cmd_name, verb)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.verbs and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.verbs, n=1)
            guess = f"did you mean {near[0]!r}?" if near else f"the verbs are {', '.join(self.verbs)}"
            raise click.UsageError(f"no verb {args[0]!r}; {guess}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Tables" if self.path else "Verbs, in the order of the data flow"):
            formatter.write_dl([(name, verb.help) for name, verb in self.verbs.items()])


class VerbCommand(click.Command):
    """A verb; its help ends with the values that an option takes, where each has a sentence of its own."""

    def __init__(self, *words: Any, values: Mapping[str, Mapping[str, str]], **more: Any) -> None:
        super().__init__(*words, **more)
        self.values = values

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for option, sentences in self.values.items():
            if sentences:
                with formatter.section(f"Values of {option}"):
                    formatter.write_dl([*sentences.items()])


def verb_command(name: str, verb: Verb) -> click.Command:
    """A click command with one option for each plain top-level field of the verb's config."""
    module = importlib.import_module(f"edgetrack.scripts.{verb.module}")
    function: VerbFunction = getattr(module, verb.function)
    config_class = getattr(module, verb.config)

    def call(
        config_file: str | None,
        set_: tuple[str, ...],
        folder: str | None,
        json_: bool,
        quiet: bool,
        print_config: bool,
        **given: Any,
    ) -> None:
        overrides = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
        try:
            if print_config:
                click.echo(config_text(config_class, config_file, [*overrides, *set_]), nl=False)
                return
            config = load_config(config_class, config_file, [*overrides, *set_])
            run_folder = Path(folder) if folder else Path("runs", *name.split())
            result = _in_folder(name, verb, function, config, run_folder, Console(quiet=quiet or json_))
        except OSError as error:
            raise click.ClickException(f"{name}: {_file_problem(error)}") from error
        except (ValueError, RuntimeError, ImportError) as error:
            raise click.ClickException(f"{name}: {error}") from error
        if json_:
            click.echo(json.dumps(_jsonable(result), allow_nan=False))
        if result.get("failed"):
            sys.exit(1)

    return VerbCommand(
        name.split()[-1],
        values={f"--{field.name}": field.metadata.get("values", {}) for field in dataclasses.fields(config_class)},
        help=_help(function),
        callback=call,
        params=[
            click.Option(
                ["--config", "config_file"],
                metavar="FILE.yaml",
                help="Start from this file, or one of the package's own by name (hypertrack).",
            ),
            click.Option(
                ["--set", "set_"],
                multiple=True,
                metavar="KEY=VALUE",
                help="Override one key, dotted for nested ones; may be repeated.",
            ),
            click.Option(["--folder"], metavar="DIR", help=f"Run folder.  [default: runs/{name.replace(' ', '/')}]"),
            click.Option(["--json", "json_"], is_flag=True, help="End with one line of JSON on stdout, nothing else."),
            click.Option(["--quiet"], is_flag=True, help="Print nothing but errors; results are in the run folder."),
            click.Option(["--print-config"], is_flag=True, help="Print the resolved config as YAML and stop."),
            *_field_options(config_class),
        ],
    )


def _in_folder(
    name: str, verb: Verb, function: VerbFunction, config: Any, folder: Path, console: Console
) -> Mapping[str, Any]:
    """Do a verb's work in its run folder; a verb with nothing to set leaves nothing there."""
    if not dataclasses.fields(config):
        return function(config, folder, console)
    with terminable(), in_use(folder):
        if verb.config_first:
            _write_config(config, folder, name)
        result = function(config, folder, console)
        if not verb.config_first:
            _write_config(config, folder, name)
        write_text(folder / f"{name}.json", json.dumps(_jsonable(result), allow_nan=False, indent=1))
    return result


def _write_config(config: Any, folder: Path, name: str) -> None:
    write_text(folder / f"{name.replace(' ', '-')}.yaml", dump_config(config))


def _file_problem(error: OSError) -> str:
    """The file, what is wrong with it, what to do: in one line."""
    if error.strerror is None:
        return str(error)
    remedies: dict[type[OSError], str] = {
        PermissionError: "choose another place (--folder is where results go), or change its permissions",
        FileNotFoundError: "check its name",
        NotADirectoryError: "a file stands where a folder is wanted; choose another place, or move the file",
        FileExistsError: "a file stands where a folder is wanted; choose another place, or move the file",
        IsADirectoryError: "a folder stands where a file is wanted; give a file",
    }
    remedy = remedies.get(type(error), "check the place, its free space and its permissions")
    return f"{error.filename or 'a file'}: {error.strerror.lower()}; {remedy}"


def _jsonable(value: Any) -> Any:
    """`value` with null for each number that is not finite: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _field_options(config_class: Any) -> list[click.Parameter]:
    hints = typing.get_type_hints(config_class)
    options: list[click.Parameter] = []
    for field in dataclasses.fields(config_class):
        kind = _plain_type(hints[field.name])
        if kind is None:
            continue
        default = "" if field.default in (dataclasses.MISSING, None, ()) else f"  [default: {_shown(field.default)}]"
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            default = "  [required]"
        name = field.name.replace("_", "-")
        spelling = f"--{name}/--no-{name}" if kind is bool else f"--{name}"
        options.append(
            click.Option([spelling, field.name], type=kind, default=None, help=field.metadata.get("help", "") + default)
        )
    return options


def _shown(default: Any) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)


def _plain_type(hint: Any) -> Any:
    """bool, int, float, str, or tuple for a comma-separated list; None for anything nested."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [_plain_type(part) for part in typing.get_args(hint) if part is not type(None)]
        return kinds[0] if len(kinds) == 1 else None
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[0] is str:
        return CommaList()
    if typing.get_origin(hint) is typing.Literal:
        return click.Choice([str(value) for value in typing.get_args(hint)])
    return hint if hint in (bool, int, float, str) else None


class CommaList(click.ParamType[list[str]]):
    """A comma-separated list of names."""

    name = "a,b,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        return [part.strip() for part in value.split(",") if part.strip()]


def _help(function: Callable[..., Any]) -> str:
    return inspect.getdoc(function) or ""


@click.group(
    cls=LazyGroup, verbs=VERBS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="edgetrack", prog_name="edgetrack")
def main() -> None:
    """edgetrack: graph-network track finders from collision events to bit-exact hardware.

    Start with `edgetrack run`; then point the verbs at your own events, graphs and checkpoints.
    """


if __name__ == "__main__":
    main()
