"""The server's wire: what a call asks for, whether its request is well formed, and how all kinds are listed."""
