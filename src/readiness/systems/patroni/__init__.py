"""Patroni: the automation of a database cluster."""
