"""The codecs of the bench's phones, by other hands than the server's: own G.711 and L16, FFmpeg's G.722 and Opus through PyAV."""
