"""The evidence bundle: records, verdict and reports with a signed statement, checkable offline."""
