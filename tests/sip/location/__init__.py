"""Tests of `sip.location`."""
