"""Exported forms of an `IntegerModel`, and the proof that each equals it."""
