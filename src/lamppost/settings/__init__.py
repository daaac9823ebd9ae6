"""Where values come from: secrets and parameters, and the stage we are in."""
