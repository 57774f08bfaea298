"""One adapter for every Hugging Face language model whose blocks stand in a list, checked against its own forward.

Nothing here knows an architecture. The model's forward is run with its blocks taken out (``dry_run``), which tells the
embedding output and what each block would be called with; what that says of where tokens look is carried over to packed
trees (``visibility``); the head is reached the same way (``head``). What does not equal the model's own forward is
refused when it is loaded (``check``).
"""
