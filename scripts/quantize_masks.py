"""`edgetrack quantize-masks`: a float transformer of micrographs → a quantised one, by calibration and retraining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.form_masks import check_tokens_fit
from edgetrack.export.micrograph_cases import event_rows
from edgetrack.models.checkpoint import (
    float_network,
    load_checkpoint,
    save_checkpoint,
)
from edgetrack.models.hypertrack.mask_objective import HyperTrackMasks, MicrographSet
from edgetrack.models.hypertrack.micrograph_files import MicrographFiles
from edgetrack.models.pretrained_checkpoints import checkpoint_path
from edgetrack.models.rows import Rows
from edgetrack.models.schedule import ScheduleConfig
from edgetrack.models.train_config import TrainConfig
from edgetrack.quantize.calibration import CalibrationConfig
from edgetrack.quantize.checkpoint import quantized_checkpoint
from edgetrack.quantize.integer_model import IntegerModel
from edgetrack.quantize.network import QuantizedNetwork
from edgetrack.quantize.recipe import PrecisionRecipe
from edgetrack.scripts.console import Console
from edgetrack.scripts.mask_sets import MicrographsConfig, mask_sets
from edgetrack.scripts.option import check_file_name, option
from edgetrack.scripts.retraining import config_with_origins, retrained, teacher_of
from edgetrack.scripts.train_masks import SCORE_OF_ONE_HALF
from edgetrack.tracks.hypertrack.masking import pivot_majority, true_tokens

MASK_RECIPE = PrecisionRecipe(weight_bits=8, bias_bits=20, input_range=None)  # a latent has no range known before
MASK_RETRAINING = TrainConfig(
    epochs=5, schedule=ScheduleConfig(optimizer="muon", matrix_learning_rate=0.003, learning_rate=0.001)
)


@dataclass(frozen=True)
class QuantizeMasksConfig(MicrographsConfig):
    """A quantization-aware retraining of a transformer; the graph network should be the one that it is to work with."""

    transformer: str = option("", "float transformer to start from: a file, or the name of one of the package's own")
    teacher: str | None = option(None, "float transformer to distil from; default: labels only")
    name: str = option("masks-quantised", "name of the checkpoint file")
    equalise: bool = option(True, "give hidden units like ranges first; the float function stays exactly the same")
    retrain: bool = option(True, "retrain after the calibration; false: calibration alone")
    recipe: PrecisionRecipe = MASK_RECIPE
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    objective: HyperTrackMasks = field(default_factory=HyperTrackMasks)
    training: TrainConfig = MASK_RETRAINING

    def __post_init__(self) -> None:
        check_file_name(self.name)
        if not self.transformer:
            raise ValueError("transformer is empty, wanted a float checkpoint of `edgetrack train-masks` to start from")


def quantize_masks(config: QuantizeMasksConfig, folder: Path, console: Console) -> dict[str, Any]:
    """Calibrate and retrain a transformer in few bits, on micrographs of the graph network that it is to work with.

    Give --checkpoint the quantised graph network, whose integers make the latent. Writes NAME.safetensors into the run
    folder, beside a resume point: run again after an interruption to go on. Figures are those of the integer model.
    """
    of_edges, start = (load_checkpoint(checkpoint_path(path)) for path in (config.checkpoint, config.transformer))
    teacher = teacher_of(config)
    check_tokens_fit(of_edges.description, start.description)
    sets = mask_sets(config, folder / "micrographs", console)
    network = QuantizedNetwork(start.description, config.recipe)
    model = retrained(
        network,
        float_network(start).state_dict(),
        config,
        teacher,
        folder,
        console,
        calibration=_first_rows(sets.train, config.calibration.graphs),
        train=sets.train,
        validation=sets.validation,
    )
    metrics: dict[str, Any] = {**integer_mask_figures(model, sets.validation), **sets.names()}
    metrics |= {f"test_{name}": value for name, value in integer_mask_figures(model, sets.test).items()}
    path = folder / f"{config.name}.safetensors"
    own_config = config_with_origins(config, checkpoint=of_edges, transformer=start, teacher=teacher)
    save_checkpoint(quantized_checkpoint(network, SCORE_OF_ONE_HALF, None, own_config, metrics), path)
    figures = {name: value for name, value in metrics.items() if isinstance(value, float)}
    console.say(f"{path}: " + ", ".join(f"{name} {value:.4f}" for name, value in figures.items()))
    return {"checkpoint": str(path), "parameters": start.description.num_parameters(), **metrics}


def integer_mask_figures(model: IntegerModel, events: Sequence[MicrographSet]) -> dict[str, float]:
    """node_accuracy, mask_efficiency and mask_purity of the integers, as `HyperTrackMasks` defines them; empty without
    a token.
    """
    output = model.formats[model.description.output]
    masks, truth = [np.zeros(0, np.bool_)], [np.zeros(0, np.bool_)]
    for event in events:
        if len(event.micrographs):
            codes = model.run_graph(event_rows(event))[model.description.output]
            masks.append(output.dequantize(codes)[:, 0] > SCORE_OF_ONE_HALF)
            particle = pivot_majority(event.particle_id[event.micrographs.pivots])
            truth.append(true_tokens(event.micrographs, event.particle_id, particle))
    mask, y = np.concatenate(masks), np.concatenate(truth)
    if not len(y):
        return {}
    both, true, chosen = (int(np.count_nonzero(tokens)) for tokens in (mask & y, y, mask))
    return {
        "node_accuracy": float(np.mean(mask == y)),
        "mask_efficiency": both / max(true, 1),
        "mask_purity": both / max(chosen, 1),
    }


def _first_rows(events: MicrographFiles, number: int) -> list[Rows[NDArray[Any]]]:
    """Rows of the first events that have micrographs."""
    return list(islice((event_rows(event) for event in events if len(event.micrographs)), number))
