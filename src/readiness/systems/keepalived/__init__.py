"""keepalived: what moves an address from one balancer's machine to another."""
