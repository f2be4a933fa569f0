"""Coders with a state of their own, one a leg and direction: G.722 and Opus. They speak the mixer's samples, at 8 or 16 kHz."""
