"""Trunks and PBXes: who they are, where calls to them go, what they may carry, and what they are told of a caller."""
