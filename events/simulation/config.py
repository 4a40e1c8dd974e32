"""What is simulated: the settings of a simulation, validated once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

TTBAR = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
SOFT_QCD = ("SoftQCD:all = on",)
# A particle identifier keeps the number of its vertex in bits 52 to 62 (`Particles.particle_id`).
MAX_VERTICES = 2047


@dataclass(frozen=True)
class SimulationConfig:
    """Collisions of the High-Luminosity LHC in the TrackML detector. The defaults are those of the TrackML data.

    Everything but `workers` takes part in what comes out; `workers` only in how fast.
    """

    pile_up: float = 200.0  # mean number of soft collisions beside the hard one (Poisson)
    fixed_pile_up: bool = False  # exactly `pile_up` (rounded) soft collisions in every event instead
    hard_process: tuple[str, ...] = TTBAR  # Pythia settings of the hard collision; () leaves it out
    soft_process: tuple[str, ...] = SOFT_QCD  # Pythia settings of each pile-up collision
    collision_energy: float = 14_000.0  # GeV, of both protons together
    vertex_sigma_xy: float = 0.015  # mm, luminous region
    # mm; 68 % of the true edges of TrackML's published graphs point to within 6.2 mm of the centre. HL-LHC: about 50.
    vertex_sigma_z: float = 5.5
    magnetic_field: float = 2.0  # T, along z
    min_pt: float = 0.1  # GeV, particles below are not stored
    min_transported_pt: float = 0.15  # GeV, particles below are stored but leave no hits
    max_eta: float = 4.0  # |η| of the particles stored
    hadronic_interactions: bool = True  # nuclear interactions in the material, with secondaries
    noise: bool = True  # hits of no particle, 15 % of all hits
    seed: int = 42
    workers: int = 1  # processes; the events do not depend on it

    def __post_init__(self) -> None:
        if not 0 <= self.pile_up <= MAX_VERTICES - 200:
            raise ValueError(
                f"pile_up = {self.pile_up}: wanted 0 … {MAX_VERTICES - 200} collisions "
                "(vertex numbers must fit a TrackML particle_id)"
            )
        if self.pile_up == 0 and not self.hard_process:
            raise ValueError("pile_up = 0 and hard_process = (): nothing to simulate; set one of them")
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed}: wanted an integer ≥ 0")
        if self.workers < 1:
            raise ValueError(f"workers = {self.workers}: wanted at least 1 process")
        for name in ("collision_energy", "max_eta"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: wanted a number > 0")
        for name in ("vertex_sigma_xy", "vertex_sigma_z", "magnetic_field", "min_pt", "min_transported_pt"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} = {getattr(self, name)}: wanted a number ≥ 0")

    def fingerprint(self) -> dict[str, object]:
        """Every setting that takes part in what comes out, in JSON's types."""
        fields = dataclasses.asdict(self)
        del fields["workers"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
