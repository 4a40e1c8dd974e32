"""What a network is trained for: the loss, what is measured in validation, and what a sample is.

`edgetrack.models.training.fit` trains any network for any objective; docs/training.md shows one from start to end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Generic, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from edgetrack.models.sample import Data, Sample


class Objective(ABC, Generic[Data]):
    """Base of objectives: frozen dataclasses, whose fields are their settings.

    Networks read rows: `network(sample.rows)` gives what the network's description names as output. An objective may
    run the network as often as it needs, with rows of its own making. It keeps no state: what is random comes from the
    generator that it is given, so that a training that was killed resumes to bitwise the same weights.
    """

    decides: ClassVar[str] = "validation_loss"  # the figure of `validate` by which `keep: best` chooses an epoch
    better: ClassVar[Literal["lower", "higher"]] = "lower"

    def reading(self, *networks: nn.Module) -> Self:
        """This objective with samples of what `networks`, the one to be trained and its teacher, read.

        By default as it is: its samples hold what they hold.
        """
        return self

    def at(self, epoch: int) -> Self:
        """This objective as it is in `epoch` (from 0): another one where its loss changes in the course of training."""
        return self

    @abstractmethod
    def sample(self, data: Data) -> Sample | None:
        """What the network and the loss read of one event; None where there is nothing to learn from.

        Raises ValueError, with the event's name, for data that lacks what the loss needs.
        """

    def augmented(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """`sample` under a random symmetry: for training, anew in every epoch. By default as it is."""
        return sample

    @abstractmethod
    def loss(self, network: nn.Module, sample: Sample, generator: torch.Generator) -> Tensor:
        """The loss () of `network` on a batch, to be made small.

        `generator` is on the CPU, so that all devices draw the same; it is new for each (seed, epoch, step).
        """

    def distillation_loss(
        self, network: nn.Module, teacher: nn.Module, sample: Sample, generator: torch.Generator
    ) -> Tensor:
        """The loss () of `network` where `fit` has a teacher, which is in evaluation mode and stays as it is."""
        raise ValueError(
            f"{type(self).__name__} learns from no teacher; train without one, or give it a distillation_loss"
        )

    @abstractmethod
    def validate(
        self, network: nn.Module, samples: Iterable[Sample], generator: torch.Generator
    ) -> Mapping[str, float]:
        """Figures of `network`, in evaluation mode, on all validation samples, not augmented; `decides` among them.

        `samples` come one at a time, on the network's device. `generator` draws the same in every epoch, so that
        epochs compare. A figure that is not finite ends the training as diverged.
        """
