"""Tests of `innwatch up` as a process, from outside, as its users meet it."""
