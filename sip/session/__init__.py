"""Sessions: what an INVITE begins, from either side, until it is over (RFC 3261 §9, §13, §14, §15)."""
