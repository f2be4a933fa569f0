"""Where a call goes: routes, targets, phones and places, and the INVITE that is sent there."""
