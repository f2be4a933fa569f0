"""How SIP travels: flows, framing on streams, and the asyncio shells for UDP and TCP."""
