"""What people see: the front page of a running system."""
