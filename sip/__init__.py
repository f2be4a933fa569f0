"""SIP and SDP, sans-IO, with thin asyncio transports; never loads numpy."""
