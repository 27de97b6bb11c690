"""Production readiness suite: looks, breaks where allowed, measures, and says GO or NO-GO."""
