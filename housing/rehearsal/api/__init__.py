"""The server's protocol: what a call asks for, whether its request is well formed, and how resources are listed."""
