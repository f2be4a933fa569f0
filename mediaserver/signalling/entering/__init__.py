"""The ways in: who sent an INVITE, whether he may, and what it is for."""
