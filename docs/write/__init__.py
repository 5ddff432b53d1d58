"""Pages of docs/ that are made from the code: `python -m docs.write`; a test holds the files to what it would write."""
