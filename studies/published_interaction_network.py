"""What the Interaction Network's authors measured of its training, its edges and its tracks.

DeZoort et al., "Charged particle tracking via edge-classifying interaction networks" (2021), arXiv:2103.16701. Numbers
are those that its repository, GageDeZoort/interaction_network_paper, holds as text. The entries of its figure of the
transfer matrix and of its tables of fakes and inference times are not there, and are not given here.
"""

from __future__ import annotations

from typing import NamedTuple

# plotting/plots_training.ipynb, "ReLU w/ 2/2 layer split FOR PAPER", 40 hidden units: pT threshold in GeV → the loss
# on test graphs after each of `EPOCHS`, and the edge accuracy; geometric graphs of TrackML, 1,000 for training.
EPOCHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35, 40, 45)
# fmt: off
LOSSES: dict[float, tuple[float, ...]] = {
    2.0: (.0319, .0290, .0253, .0236, .0212, .0208, .0210, .0179, .0156, .0162, .0132, .0123, .0115, .0122, .0111,
          .0106, .0099),
    1.5: (.0241, .0189, .0173, .0173, .0153, .0158, .0139, .0141, .0150, .0139, .0135, .0127, .0101, .0091, .0080,
          .0077, .0074),
    1.0: (.0185, .0162, .0146, .0133, .0120, .0110, .0104, .0099, .0095, .0085, .0071, .0066, .0064, .0061, .0060,
          .0060, .0058),
}
ACCURACIES: dict[float, tuple[float, ...]] = {
    2.0: (.9865, .9875, .9893, .9901, .9913, .9912, .9910, .9929, .9937, .9937, .9947, .9952, .9954, .9952, .9957,
          .9958, .9961),
    1.5: (.9892, .9912, .9925, .9924, .9936, .9933, .9941, .9940, .9936, .9942, .9945, .9946, .9958, .9962, .9967,
          .9969, .9970),
    1.0: (.9899, .9921, .9926, .9935, .9943, .9948, .9951, .9955, .9956, .9961, .9968, .9970, .9971, .9972, .9973,
          .9972, .9974),
}
# fmt: on


class EdgeFigures(NamedTuple):
    """Means over graphs; accuracy at the threshold where TPR = TNR on validation graphs of the test threshold."""

    loss: float
    accuracy: float


# plotting/Accuracy-Loss.ipynb, 500 test graphs of TrackML's train_2: (trained at, tested at) in GeV.
TRANSFER: dict[tuple[float, float], EdgeFigures] = {(2.0, 2.0): EdgeFigures(0.0094, 0.9965)}

# plotting/track_building.ipynb, means over 101 graphs of TrackML's train_2 above 2 GeV, DBSCAN of distances in space,
# of which each hit sees its outer neighbours alone, and hits in the order of particles. Lone hits count as particles
# and as candidates. A match of more than 75 % is not there (its purity of 99 % is .9966).
TRACKING: dict[float, dict[str, float]] = {2.0: {"perfect": 0.9361, "double_majority": 0.9797}}
