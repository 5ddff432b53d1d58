"""The command line: parses arguments, runs one command, returns an exit code."""
