"""Tells people what happened: takes notifications from the outbox and delivers them by e-mail and Slack.

What others may use: `worker` (the loop itself), `settings`, `smtp`, `channels` (what a sender is), `email`, `slack`,
`actors` (the queue), `metrics`. This file imports none of them: `smtp` is read by every command.
"""
