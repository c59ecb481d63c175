"""The lemmas of the calculus, one to a file; each is named in reports by its title."""
