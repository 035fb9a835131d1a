"""Frostbyte: organisations' documents in, cited and provable answers out."""
