"""The call: one monitored conversation as a pure state machine."""
