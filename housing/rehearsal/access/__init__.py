"""IAM: who signed a call, what it needs, and what policies say to that."""
