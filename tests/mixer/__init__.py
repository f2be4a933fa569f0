"""Tests of `mixer`."""
