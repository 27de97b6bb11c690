"""PostgreSQL: what a member says of itself, of its archive and of its next start."""
