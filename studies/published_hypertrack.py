"""What was published of HyperTrack at a mean pile-up of 2, to stand beside figures of the same names."""

from __future__ import annotations

PUBLISHED = "arXiv:2309.14113, ⟨μ⟩ = 2"
PUBLISHED_FIGURES = {  # table 2; Voxel-Dynamics of 2,250 events and 2^18 voxels, section 3.1
    "auc": 0.9998,
    "dms": 0.94,
    "clustering_efficiency": 0.95,
    "clustering_purity": 0.99,
    "vd_efficiency": 0.97,
    "vd_false_positive_rate": 0.020,
}
