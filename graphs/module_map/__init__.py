"""The data-driven module map: which pairs of modules particles connect, learnt from events with truth."""
