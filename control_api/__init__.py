"""The websocket and HTTP face: messages, sessions, permissions; of the mixer it knows the modes only."""
