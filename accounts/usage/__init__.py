"""What was used: the sums of each day, in pages, tables, charts and files."""
