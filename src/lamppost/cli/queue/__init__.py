"""`lamppost queue`: queues and dead letters, looked into, brought back and thrown away."""
