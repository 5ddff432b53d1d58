"""The contracts of algorithms, samplers, runners and hosts, for whoever brings one: subclass, and run with pytest."""
