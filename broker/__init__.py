"""MQTT and identity.

The pure half, which other packages may import: `topics` (the grammar of names), `tokens` (who somebody is), `access`
(what they may do), `delivery` (how a message changes hands with the bridge), `quiet_log` (lines that a peer can cause).
Everything else serves sockets and is known to `config` alone.
"""
