"""The bridge: takes messages from the broker, decides what is wrong, stores it, and tells MQTT what was stored."""
