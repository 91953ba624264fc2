"""`innwatch doctor`: looks at everything an installation stands on, and says what to do about what it finds.

It changes nothing and takes nobody's place: it writes no file, sends no mail, and speaks MQTT only to a broker that is
not ours, on a topic that nobody listens to.
"""
