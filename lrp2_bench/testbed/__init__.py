"""The embedded testbed: small models pretrained on known facts, and what each language was told."""
