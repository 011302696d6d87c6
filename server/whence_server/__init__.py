"""Question -> evidence -> answer -> editor. Uses whence_indexer; knows no workflow engine."""
