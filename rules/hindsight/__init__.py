"""Hindsight: why there was an alert, and why there was none, of one tablet in a stretch of time.

It is the rules' own replay of what is stored (`rules.replay`), watched while it goes: whatever spoke for trouble is a
finding, with the alert that came of it or with what held it back, and with what was observed and the limit it was held
against. Nothing here judges: a reason is read from the states and policies that the rules themselves came to.
"""

from rules.hindsight.finding import Finding, Heard, LookedBack
from rules.hindsight.levels import Level, levels_of
from rules.hindsight.look import look_back

__all__ = ["Finding", "Heard", "Level", "LookedBack", "levels_of", "look_back"]
