"""IAM: who signed a call, which permissions it needs, and whether policies grant them."""
