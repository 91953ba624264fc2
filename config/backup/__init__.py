"""`innwatch backup` and `restore`: a file that holds an installation, made while it runs, checked before it counts."""
