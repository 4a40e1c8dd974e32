"""Float networks: `HitGraph` → edge logits, and their training."""
