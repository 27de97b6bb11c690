"""How secrets and student data are recognised in text; `readiness.evidence.redact` is the way in.

Each module finds one kind of thing and gives spans, pairs of (start, end) in the text it was given.
All scan once, from left to right: patterns start at a boundary and can't be retried inside a run
of characters they have rejected, so the work grows with the length of the text and no faster.
"""
