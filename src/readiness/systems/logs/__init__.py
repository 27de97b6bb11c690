"""Logs that are kept centrally: an OpenSearch or an Elasticsearch, and who ships to it."""
