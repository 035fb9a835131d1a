"""The one signal between apps: a document was stored and waits for its first run."""

from django.dispatch import Signal

document_received = Signal()
"""Sent on commit, with `tenant` and `document_id`; processing has the one receiver."""
