"""What is typed: the commands of `readiness`, and how they speak to a person."""
