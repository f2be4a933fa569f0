"""The media plane as signalling sees it: workers, ports, sounds, and what a leg agreed on."""
