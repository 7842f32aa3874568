"""Texts: what makes features of them, in memory and from a file as it is read."""
