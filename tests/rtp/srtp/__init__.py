"""Tests of `rtp.srtp`."""
