"""The tables of `edgetrack bench`."""
