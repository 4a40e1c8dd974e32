"""Collision events: files or a generator seed → `Event`."""
