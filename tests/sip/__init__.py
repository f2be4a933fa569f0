"""Tests of `sip`."""
