"""Tests of `mediaserver.cli`."""
