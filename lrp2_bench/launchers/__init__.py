"""Multiruns: which jobs a command names, where they run, and what became of each."""
