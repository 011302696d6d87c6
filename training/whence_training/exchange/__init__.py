"""Questions with answers from elsewhere, and to elsewhere: SQuAD, Label Studio, corrections, curated sets."""
