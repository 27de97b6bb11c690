"""Alertmanager: who is told of an alert, and what keeps it from them."""
