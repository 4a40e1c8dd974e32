"""Quantisation: float network → Brevitas network → `IntegerModel`."""
