"""A look at a site from outside, by its address alone: what is wrong, and no verdict."""
