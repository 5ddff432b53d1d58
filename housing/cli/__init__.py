"""The command line: arguments in, one workflow step run, an exit code out."""
