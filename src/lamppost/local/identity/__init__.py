"""The local OpenID issuer: it stands where Cognito stands on AWS, for one machine and nobody else.

Whoever reaches it may be anyone: it asks for a name and no password. So it exists in the local stage only.
Keys are made when the first token is asked for; a system that nobody asks loads none of this.
"""
