"""Labels in every form that users have them in, and their numbers."""
