"""Secrets at rest: the key, what is sealed under it, and hashes of PINs."""
