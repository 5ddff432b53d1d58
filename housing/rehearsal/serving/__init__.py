"""Models, endpoints and transform jobs."""
