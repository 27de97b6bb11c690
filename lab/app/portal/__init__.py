"""A stand-in student portal: PAWS360's routes over a real database, for the rehearsal lab."""
