"""Tests of the media worker."""
