"""What a statement does to tables that were there before it: locks taken, rows read, rows written anew."""
