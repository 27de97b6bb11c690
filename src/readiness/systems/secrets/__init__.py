"""Secrets in the open: files that everybody on a machine reads, command lines, environments."""
