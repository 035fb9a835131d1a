"""Batches: files that come together under one manifest, and the receipt of each."""
