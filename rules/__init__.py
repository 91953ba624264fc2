"""The domain: what a message means, what counts as trouble, and why. Pure functions and frozen records."""
