"""Track building: `HitGraph` + edge scores → track candidates → metrics."""
