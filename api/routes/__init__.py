"""One module per noun: what can be asked about it, and by whom."""
