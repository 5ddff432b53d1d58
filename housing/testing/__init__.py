"""The contracts of algorithms, samplers, runners and hosts, for third parties: subclass, and run with pytest."""
