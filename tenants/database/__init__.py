"""PostgreSQL for many tenants: the backend that takes schema and role, and their making."""
