"""Tests of what the server tells about itself."""
