"""The media worker: one process, one loop, no asyncio."""
