"""What a token says, and whether to believe it: read strictly, signed, turned, taken back.

`compact` and `access` read an access token's text and shape without any cryptography, so a function pays
nothing for them. `signed` makes and verifies a service's own HS256 tokens, `refresh` and `revoked` keep
sessions in the database. Functions import what they use: a cold start loads nothing else.
"""
