"""What compares and measures: forms side by side, losses by cause, sectors, accelerators, formulas beside synthesis."""
