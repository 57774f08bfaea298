"""The embedded testbed: small models pretrained on known facts, and what they saw in each language."""
