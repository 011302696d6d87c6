"""Models on this machine: where they come from, whether they are what they say, and which one answers.

Loads none of them: that is the worker's.
"""
