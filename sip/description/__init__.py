"""What the lines of a session description mean to a leg: formats, packet times, profiles, SDES, DTLS, ICE, bundles (no state in here)."""
