"""Tests of `mediaserver.storage`."""
