"""Drift: what a live database has that its files do not make, and the other way round."""
