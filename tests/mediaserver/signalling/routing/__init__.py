"""Tests of mediaserver.signalling.routing."""
