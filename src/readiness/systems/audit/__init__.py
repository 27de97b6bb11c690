"""The audit trail of education records, as the database has it."""
