"""ICE and DTLS of browser legs."""
