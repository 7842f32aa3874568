"""Features: which of them a model knows, and how the network sees them."""
