"""What is declared: the environment, its parts and subjects, the policy, and how files are read."""
