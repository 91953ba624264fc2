"""What `make bench` measures: Innwatch side by side with Mosquitto, by a load generator of our own."""
