"""Tests of mediaserver.signalling.calls."""
