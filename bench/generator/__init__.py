"""The load generator: an RTP process (numpy, plain sockets) and SIP phones (asyncio) that share no code with the server."""
