"""Every SQL statement of the orders service, one named function each.

None of them says which organisation: row-level security shows them no other's rows. `writing` changes
orders, `reading` shows them.
"""
