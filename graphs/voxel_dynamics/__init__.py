"""Voxel-Dynamics: hits are joined where the voxels that they lie in were seen to share particles."""
