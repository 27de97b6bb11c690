"""Runbooks: pages that somebody reads at night, and whether what they say is there."""
