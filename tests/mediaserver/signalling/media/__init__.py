"""Tests of mediaserver.signalling.media."""
