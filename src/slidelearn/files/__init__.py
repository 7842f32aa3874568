"""Files: places that users name, files that are written whole or not at all, packed ones, digests, temporary ones."""
