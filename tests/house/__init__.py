"""Tests of the house itself: rooms, walls, packaging, documents, checks."""
