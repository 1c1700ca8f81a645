"""Import of a pipeline's history from CSV files, described by a mapping."""
