"""Sentinel: what chooses the master of a Redis."""
