"""Tests: every folder mirrors a room."""
