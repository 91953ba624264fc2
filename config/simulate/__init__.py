"""Simulated tablets: real MQTT clients with a make-believe hotel around them, for demos, trials and tests."""
