"""What supervisors, consoles and lamp keys ask and are told. Permissions are checked here."""
