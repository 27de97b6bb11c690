"""From records to outcomes of cases, clauses and a verdict; nothing here asks anybody."""
