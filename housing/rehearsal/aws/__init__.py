"""The rest of AWS, by moto, and how its state survives a restart."""
