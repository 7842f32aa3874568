"""A model: what it consists of, how it grows, and its files."""
