"""Legs whose way is found by ICE and whose keys come from a DTLS handshake: browsers, by the control API or by SIP."""
