"""Telling other programs by HTTP what happens to calls, and asking them who calls."""
