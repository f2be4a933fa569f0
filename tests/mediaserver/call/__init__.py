"""The call: dialogues of inputs and actions."""
