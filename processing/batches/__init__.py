"""What became of a batch: its progress, its end, and the acceptance report that it ends with."""
