"""`mediaserver doctor`: what a machine and its surroundings give the server, what they lack, and what to do."""
