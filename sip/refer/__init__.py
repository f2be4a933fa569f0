"""REFER: somebody in a call asks us to call somebody else, and is told what became of it (RFC 3515)."""
