"""What exists: services and their parts. Nothing here runs, opens a socket or reads the environment."""
