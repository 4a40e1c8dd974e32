"""What a design takes on a device: estimates, place and route, and the vendors' reports."""
