"""Custom metadata of documents: the schemas that a tenant declares, and what is checked by them."""
