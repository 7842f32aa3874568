"""The ranker: what puts a shortlist in order, by all the evidence there is."""
