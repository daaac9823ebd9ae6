"""`lamppost deliveries`: what was sent, what was not, again, and not now."""
