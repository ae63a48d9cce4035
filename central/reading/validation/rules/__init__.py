"""One rule a file; each module's ``RULE`` is found by itself."""
