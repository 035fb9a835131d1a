"""What is looked at before a file is accepted: `checking` in our process, the rest in a sandbox."""
