"""Distributed tracing: where traces are kept, and what a request has to leave there."""
