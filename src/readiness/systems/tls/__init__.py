"""TLS: what listeners present to their clients."""
