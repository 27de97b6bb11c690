"""What is kept of a run: the record, locks and state, what has to be undone, and redaction."""
