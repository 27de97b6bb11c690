"""Drafts the file of a site that has none: looks at what is there, and writes what it saw."""
