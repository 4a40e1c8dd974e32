"""`edgetrack evaluate --separate-losses`: the hardware's physics, each cause apart."""
