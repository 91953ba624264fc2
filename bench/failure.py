"""The one way in which the bench gives up."""


class BenchFailed(Exception):
    """What the bench was to measure did not happen, or did not hold; the text is one line for whoever started it."""
