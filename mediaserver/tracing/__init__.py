"""The trace: every SIP message, masked, in a process of its own; read as a ladder, a pcap or in Homer."""
