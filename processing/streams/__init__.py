"""Streams of events (Server-Sent Events): a batch's progress while it may be seen."""
