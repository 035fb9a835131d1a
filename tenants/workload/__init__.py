"""What the tenants share of the workers: whose turn it is, what is paused, which workers live.

All of it is in the public schema, which only the platform itself reads and writes: each function
leaves the tenant in force for as long as it asks.
"""
