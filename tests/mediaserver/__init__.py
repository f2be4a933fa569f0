"""Tests of `mediaserver`."""
