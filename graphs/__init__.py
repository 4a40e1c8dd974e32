"""Graph construction: `Event` → `HitGraph` with truth labels."""
