"""Tests of who is calling and by whom a call was diverted."""
