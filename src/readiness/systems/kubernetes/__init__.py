"""Kubernetes: nodes, what runs on them, and who may do what; read from its API."""
