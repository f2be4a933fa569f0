"""The link between the signalling process and a media worker: messages, framing, shared memory."""
