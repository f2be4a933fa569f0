"""Webhooks and lookups."""
