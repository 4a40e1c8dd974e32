"""HyperTrack: neural combinatorics on symmetric graphs of hits (M. Mieskolainen, arXiv:2309.14113)."""
