"""What intake tells the apps above it: a document waits for its first run, a batch is received."""

from django.dispatch import Signal

document_received = Signal()
"""Sent on commit, with `tenant` and `document_id`, and for a file of a batch its `batch_id` and
`priority`; processing has the one receiver."""

batch_received = Signal()
"""Sent on commit, with `tenant` and `batch_id`: every file of the batch has its receipt."""
