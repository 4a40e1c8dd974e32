"""What `edgetrack search` is told: graphs, the float network, what is varied, how trials are retrained and judged."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

from edgetrack.events.splits import SplitConfig
from edgetrack.export.exploration.grid import Grid
from edgetrack.export.forms import DEFAULT_FORMS, FORMS, FormSettings, check_forms
from edgetrack.export.verification import VerifyConfig
from edgetrack.models.named_objectives import EdgeObjective
from edgetrack.models.pruning import PruningConfig
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.calibration import CalibrationConfig
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.option import option, required
from edgetrack.scripts.quantize import DISTILLATION, INPUT_SCALES, QuantizeRunConfig
from edgetrack.studies.search_space import SearchSpace
from edgetrack.studies.search_study import SamplerConfig
from edgetrack.tracks.evaluation import EvaluationConfig

SHORT = TrainConfig(
    epochs=12,
    batch_graphs=4,
    schedule=ScheduleConfig(optimizer="muon", matrix_learning_rate=0.006, learning_rate=0.003),
)


@dataclass(frozen=True)
class FinishConfig:
    """What becomes of the front: `points` of it, evenly spread by LUTs, both ends among them, and `uniform` widths.

    Each is retrained for `epochs` (0: as long as in a trial), measured on test graphs, compared with its integers in
    every form of `forms` as `edgetrack verify` does, and its accelerator counted by Yosys where `synthesise`.
    """

    points: int = 0
    uniform: tuple[int, ...] = ()
    epochs: int = 60
    forms: tuple[str, ...] = DEFAULT_FORMS
    number: int = 10
    vectors: int = 16_384
    streamed: int = 200
    synthesise: bool = True
    settings: FormSettings = field(default_factory=FormSettings)

    def __post_init__(self) -> None:
        check_forms(self.forms, tuple(FORMS), "verify")
        if self.points < 0 or self.epochs < 0:
            raise ValueError(f"finish: points {self.points} and epochs {self.epochs}, wanted 0 or more")

    @property
    def amounts(self) -> VerifyConfig:
        return VerifyConfig(self.number, self.vectors, self.streamed, settings=self.settings)


@dataclass(frozen=True)
class SearchDesign:
    """The accelerator whose LUTs and latency are worked out, by formula, for every trial's network."""

    nodes: int = 660
    edges: int = 1320
    edge_lanes: int = 16
    node_lanes: int = 8
    latency_cutoff: float = 2.0
    latency_us: float | None = None  # a limit at the assumed clock; null: none

    @property
    def grid(self) -> Grid:
        return Grid(
            self.nodes,
            self.edges,
            edge_lanes=(self.edge_lanes,),
            node_lanes=(self.node_lanes,),
            latency_cutoff=(self.latency_cutoff,),
        )


@dataclass(frozen=True)
class SearchConfig:
    """Graphs, the float network, what is varied, and how each trial is retrained and judged."""

    graphs: str = required("folder of hit graphs (*.npz); test graphs of the split are not looked at")
    checkpoint: str = required("float checkpoint that every trial starts from: a file, or one of the package's own")
    teacher: str | None = option(None, "float checkpoint to distil from; default: labels only")
    study: str = option(
        "", "folder of the study, for several processes with a run folder each; default: the run folder"
    )
    trials: int = option(60, "trials in all, those of other processes and of before an interruption counted")
    physics: Literal["loss", "double_majority"] = option(
        "loss", "the objective beside LUTs, on validation graphs: loss, or lost particles (1 − double majority)"
    )
    device: str = option("xcvu9p", "FPGA of which LUTs are shown as a share, of hls_projects/targets")
    validation_graphs: str = option("", "folder of graphs to validate on; default: a part of --graphs, by split")
    space: SearchSpace = field(default_factory=SearchSpace)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    design: SearchDesign = field(default_factory=SearchDesign)
    pruning: PruningConfig = field(default_factory=lambda: PruningConfig(0.0, 0.0, 0.6))
    finish: FinishConfig = field(default_factory=FinishConfig)
    input_scales: dict[str, tuple[float, ...]] = field(default_factory=lambda: dict(INPUT_SCALES))
    recipe: PrecisionRecipe = field(default_factory=PrecisionRecipe)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    objective: EdgeObjective = DISTILLATION
    training: TrainConfig = SHORT
    split: SplitConfig = field(default_factory=SplitConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"trials is {self.trials}, wanted at least 1")
        if self.training.pruning is not None or self.pruning.overrides:
            raise ValueError(
                "search: sparsities come from space.sparsity; give the schedule alone, as pruning.begin and pruning.end"
            )

    def quantize_config(
        self, recipe: PrecisionRecipe, pruning: PruningConfig | None, epochs: int = 0, name: str = "trial"
    ) -> QuantizeRunConfig:
        """The retraining of one recipe, as `edgetrack quantize` takes it; `epochs` 0: as many as trials have."""
        own = {one.name for one in dataclasses.fields(self)}
        given = {one.name: getattr(self, one.name) for one in dataclasses.fields(QuantizeRunConfig) if one.name in own}
        training = dataclasses.replace(self.training, pruning=pruning, epochs=epochs or self.training.epochs)
        return QuantizeRunConfig(**{**given, "name": name, "recipe": recipe, "training": training})
