"""The isolation audit: does what keeps hotels apart still do so, on this installation, by its own front doors?

Two hidden hotels, each with a tablet, a manager and an integrator of its own, try at intervals to read and write what
is the other's, over MQTT and HTTP. What gets through is an alarm.
"""

from config.isolation.alarm import Alarm
from config.isolation.audit import IsolationAudit
from config.isolation.doors import Doors, far_doors, own_doors

__all__ = ["Alarm", "Doors", "IsolationAudit", "far_doors", "own_doors"]
