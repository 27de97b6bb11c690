"""Which checks and clauses there are, ours and a site's own, and which have been proven."""
