"""Tests of `mediaserver.audit`."""
