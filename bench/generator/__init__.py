"""The load generator: an RTP process (numpy) and SIP phones (asyncio). It shares no code with the server but the loop that moves bytes."""
