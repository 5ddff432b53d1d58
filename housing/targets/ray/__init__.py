"""Train on a Ray cluster; the submitting process keeps the record."""
