"""Words and small tools that every other package uses, and that know none of them."""
