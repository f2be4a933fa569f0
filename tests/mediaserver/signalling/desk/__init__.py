"""Tests of mediaserver.signalling.desk."""
