"""Tests with phones that nobody here wrote."""
