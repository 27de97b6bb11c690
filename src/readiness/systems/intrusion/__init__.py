"""Intrusion detection and prevention: what becomes of a planted attack that harms nobody."""
