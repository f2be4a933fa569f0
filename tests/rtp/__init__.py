"""Tests of `rtp`."""
