"""The rest of AWS, which is moto's, and what it keeps over a restart."""
