"""`lamppost migrate`: one file per command. Nothing is imported here: a hook waits for `lint.py` only."""
