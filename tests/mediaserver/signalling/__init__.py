"""Tests of the signalling process."""
