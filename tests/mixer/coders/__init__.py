"""Tests of `mixer.coders`."""
