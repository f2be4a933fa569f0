"""Tests of mediaserver.signalling.entering."""
