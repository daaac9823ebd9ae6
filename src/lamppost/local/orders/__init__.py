"""What `lamppost` commands may ask of the running system: one file per subject, behind the control door."""
