"""Drills: live writers, disturbing actions, guards and abort conditions."""
