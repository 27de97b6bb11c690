"""Dashboards, as Grafana serves them: whether they are provisioned, and what their panels ask."""
