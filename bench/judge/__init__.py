"""Judges: they turn recordings and counters into verdicts. Pure numpy; no sockets, no clock."""
