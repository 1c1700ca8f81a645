"""Price guidance: floor, target and stretch from won quotes, prices checked against them, and what a price does to winning."""
