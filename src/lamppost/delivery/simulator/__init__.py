"""A webhook receiver that misbehaves as told: for trying a sender, ours or anybody's, on one machine."""
