"""The broker against bytes that nobody would send: targets that say what must hold whatever comes.

A target takes any bytes. It raises for what is a fault of ours, and returns for everything that the broker refuses as
it should. The suite runs each on its seeds and on what Hypothesis makes (tests/broker/test_fuzz.py); `make fuzz` lets
Atheris look for inputs that reach code which no input has reached yet.
"""
