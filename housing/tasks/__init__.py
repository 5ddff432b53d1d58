"""The kinds of question that a table can answer, one file each."""
