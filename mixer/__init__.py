"""The mix: codecs, gains, mixing, levels and concealment in numpy; knows frames, no sockets and no clock."""
