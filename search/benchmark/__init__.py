"""One long document through the whole system, and how much of the time is not the models' own."""
