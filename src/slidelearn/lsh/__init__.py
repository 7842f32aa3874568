"""Locality-sensitive hashing over a layer's neurons: hash families, tables, and when to rebuild them."""
class LshIndex: pass
