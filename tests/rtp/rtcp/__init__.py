"""Tests of RTCP: packets, refusals, intervals."""
