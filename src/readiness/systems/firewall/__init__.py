"""Firewalls: what zones can reach of each other, tried from inside them."""
