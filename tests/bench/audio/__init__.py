"""Tests that hear: simulated phones, a simulated network, and the core of a worker between them."""
