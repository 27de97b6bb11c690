"""Arithmetic of readiness: pure functions from raw samples to values with bounds."""
