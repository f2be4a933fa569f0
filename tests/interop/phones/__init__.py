"""Phones that nobody here wrote, driven from tests: baresip, SIPp, pyVoIP."""
