"""The work of each stage: one module a stage, one function from its input to its output."""
