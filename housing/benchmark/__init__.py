"""The protocol by which procedures are compared, and the resulting table."""
