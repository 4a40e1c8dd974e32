"""Stages of `edgetrack run` that HyperTrack has beside the others: thinning, and everything of its transformer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from edgetrack.events.splits import SplitConfig
from edgetrack.events.thinning import ThinConfig
from edgetrack.models.hypertrack.compact_transformer import CompactTransformerConfig
from edgetrack.models.hypertrack.mask_objective import HyperTrackMasks
from edgetrack.models.hypertrack.set_transformer import SetTransformerConfig
from edgetrack.models.named_networks import NamedMaskNetwork
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.console import Console
from edgetrack.scripts.evaluate import EvaluateConfig, evaluate
from edgetrack.scripts.quantize_masks import MASK_RECIPE, MASK_RETRAINING, QuantizeMasksConfig, quantize_masks
from edgetrack.scripts.stages import Done
from edgetrack.scripts.thin import ThinRunConfig, thin
from edgetrack.scripts.train_masks import MASK_TRAINING, TrainMasksConfig, train_masks
from edgetrack.scripts.verify import VerifyRunConfig, verify
from edgetrack.tracks.building import TrackBuildingConfig
from edgetrack.tracks.evaluation import EvaluationConfig
from edgetrack.tracks.hypertrack.clustering import ClusteringConfig

MASK_STAGES = ("train_masks", "train_compact_masks", "quantize_masks", "verify_masks", "evaluate_masks")
Stage = Callable[..., Done]


@dataclass(frozen=True)
class ThinStage:
    """`parts` thinned events are made of each event; 0: events stay as they are."""

    parts: int = 0
    thin: ThinConfig = field(default_factory=ThinConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.parts <= self.thin.parts:
            raise ValueError(f"thinning.parts is {self.parts}, wanted 0 … {self.thin.parts}, the parts of an event")


@dataclass(frozen=True)
class MasksStage:
    """Transformers for the float network and, compact, for the quantised one; `wanted` says whether there are any.

    `cut` is the logit of edges that make subgraphs, in training and in evaluation.
    """

    wanted: bool = False
    cut: float = -2.0
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)
    transformer: NamedMaskNetwork = field(default_factory=SetTransformerConfig)
    compact: NamedMaskNetwork = field(default_factory=CompactTransformerConfig)
    objective: HyperTrackMasks = field(default_factory=HyperTrackMasks)
    training: TrainConfig = MASK_TRAINING
    recipe: PrecisionRecipe = MASK_RECIPE
    retraining: TrainConfig = MASK_RETRAINING


class TrainedMasks(NamedTuple):
    """The float transformer, and the quantised one made of the compact float one."""

    full: Done
    quantised: Done


def thinned_events(config: ThinStage, events: Done, stage: Stage, console: Console) -> Done:
    """The events to build graphs of: thinned ones where that is wanted."""
    if not config.parts:
        return events
    own = config.thin
    verb = ThinRunConfig(str(events.folder), own.fraction, own.noise, own.seed, config.parts)
    return stage("thin", thin, config, [events], resumable=True, work=lambda path: thin(verb, path, console))


def trained_masks(
    config: MasksStage,
    split: SplitConfig,
    graphs: Done,
    networks: tuple[Done, Done, Done],
    stage: Stage,
    console: Console,
) -> TrainedMasks:
    """Transformers of the float network, of the compact float one and, from that, of the quantised one, in this order.

    `networks` are the stages of those three.
    """

    def trained(name: str, network: Done, transformer: NamedMaskNetwork) -> Done:
        verb = TrainMasksConfig(
            str(graphs.folder),
            network.result["checkpoint"],
            cut=config.cut,
            clustering=config.clustering,
            split=split,
            transformer=transformer,
            objective=config.objective,
            training=config.training,
        )
        decides = [config.cut, config.clustering, split, transformer, config.objective, config.training]
        return stage(
            name,
            train_masks,
            decides,
            [graphs, network],
            resumable=True,
            work=lambda path: train_masks(verb, path, console),
        )

    full, compact, quantised = networks
    of_full = trained("train_masks", full, config.transformer)
    of_compact = trained("train_compact_masks", compact, config.compact)
    verb = QuantizeMasksConfig(
        str(graphs.folder),
        quantised.result["checkpoint"],
        cut=config.cut,
        clustering=config.clustering,
        split=split,
        transformer=of_compact.result["checkpoint"],
        teacher=of_compact.result["checkpoint"],
        recipe=config.recipe,
        objective=config.objective,
        training=config.retraining,
    )
    in_few_bits = stage(
        "quantize_masks",
        quantize_masks,
        [config.cut, config.clustering, split, config.recipe, config.objective, config.retraining],
        [graphs, quantised, of_compact],
        resumable=True,
        work=lambda path: quantize_masks(verb, path, console),
    )
    return TrainedMasks(of_full, in_few_bits)


def verified_masks(config: VerifyRunConfig, quantised: Done, stage: Stage, console: Console) -> Done:
    """Every form of the quantised transformer against its integers, on the micrographs that it was retrained on.

    `config` is that of the graph network: the same forms and amounts.
    """
    verb = replace(
        config,
        checkpoint=quantised.result["checkpoint"],
        float_checkpoint=None,
        graphs=str(quantised.folder / "micrographs"),
    )
    decides = [verb.forms, verb.settings, verb.vectors, verb.number]
    return stage("verify_masks", verify, decides, [quantised], work=lambda path: verify(verb, path, console))


def evaluated_masks(
    config: MasksStage, graphs: Done, networks: dict[str, tuple[Done, Done]], stage: Stage, console: Console
) -> Done:
    """Tracks by masks on test graphs, of each pair of a graph network and a transformer, by name."""
    building = TrackBuildingConfig(method="hypertrack", clustering=config.clustering)

    def work(folder: Path) -> dict[str, Any]:
        return {
            name: evaluate(
                EvaluateConfig(
                    str(graphs.folder),
                    network.result["checkpoint"],
                    part="test",
                    masks=masks.result["checkpoint"],
                    track_threshold=config.cut,
                    evaluation=EvaluationConfig(building=building),
                ),
                folder / name,
                console,
            )
            for name, (network, masks) in networks.items()
        }

    upstream = [graphs, *(done for pair in networks.values() for done in pair)]
    return stage("evaluate_masks", evaluate, [config.cut, config.clustering], upstream, work=work)
