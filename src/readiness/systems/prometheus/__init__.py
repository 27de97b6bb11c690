"""Prometheus: what it scrapes, keeps and computes."""
