"""Training: epoch, batch and step of a network, then the ranker; what a model that keeps learning does before."""
