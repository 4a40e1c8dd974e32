"""ONNX and its quantised dialects, built from the step list."""
