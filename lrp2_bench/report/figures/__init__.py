"""The report's figures, drawn from run folders alone: a file per kind, and ``draw.py`` that writes them all."""
