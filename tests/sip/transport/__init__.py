"""Tests of flows, framing and the asyncio shells."""
