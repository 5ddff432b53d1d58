"""Train in this process; serve from one long-lived process on this machine."""
