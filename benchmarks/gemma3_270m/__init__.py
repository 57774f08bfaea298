"""What the study of Gemma 3 270M is made of; its design is docs/results/gemma3_270m.md."""
