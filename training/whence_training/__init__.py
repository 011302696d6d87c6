"""The repository's own learning: the recipe of the embedding model. Uses whence_indexer; nothing imports it."""
