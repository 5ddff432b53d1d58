"""What the command line does, as a library: `housing.compose(...)` and what it returns."""
