"""The signalling process: shells that drive the SIP core, the call machines, the workers and the control API."""
