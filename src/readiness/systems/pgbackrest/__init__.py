"""pgBackRest: the repository that holds the backups of a database."""
