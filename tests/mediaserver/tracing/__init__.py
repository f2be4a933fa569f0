"""The trace: what is kept, what leaves."""
