"""Train on a Ray cluster; the process that asks keeps the record."""
