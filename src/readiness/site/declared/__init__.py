"""The parts that an environment file describes, one module for each area."""
