"""Backups that any tool makes: a command of the site's lists them, and each is looked at."""
