"""HAProxy: what a balancer says of the servers behind it."""
