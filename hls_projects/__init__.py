"""Templates and device targets for hardware builds; nothing is written here by a build."""
