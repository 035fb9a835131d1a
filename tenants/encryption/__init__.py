"""Envelope encryption: a data key a tenant, wrapped by the platform's master key."""
