"""What only people can vouch for: signed by them, read from files, never turned into more."""
