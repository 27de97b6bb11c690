"""What becomes of users' requests behind a balancer: who is seen, what breaks, what takes over."""
