"""`lamppost schedule`: what runs by the clock, and why a person's instants are when they are."""
