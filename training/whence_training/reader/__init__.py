"""The recipe of the reader that comes with Whence: a small model that answers with sentences of the evidence."""
