"""What `manage.py pipeline` can do, a module for each kind of action."""
