"""A language model at work: a process of its own, what is asked of it, and how its words are held to the evidence."""
