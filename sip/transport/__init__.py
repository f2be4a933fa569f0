"""How SIP travels: flows, framing, TLS and WebSocket as cores; the asyncio shells around them for datagrams and connections."""
