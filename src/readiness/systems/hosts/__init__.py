"""Machines: services, clocks, sockets, addresses, timers and file systems."""
