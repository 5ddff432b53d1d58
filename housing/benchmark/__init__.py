"""A protocol by which procedures are compared, and the table that comes of it."""
