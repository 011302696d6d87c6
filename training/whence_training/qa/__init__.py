"""Questions with answers: made from a repository's index, checked, split and measured. Pure functions over values."""
