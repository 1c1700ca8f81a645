"""Prices drawn at random within a band, where that was opted into: the only prices a win curve may be read from."""
