"""Drift: what got worse since a run that somebody accepted."""
