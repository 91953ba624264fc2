"""What the API says and hears, as it stands on the wire. Other records go out as the rules or the store made them."""

from api.records.agents import AskedToken, BrokerPlace, Registered, RegisterTablet, RenewedToken, Taken, TakenHeartbeat
from api.records.alerts import Acknowledge, AddNote, AlertDetail, Answer, Assign, Resolve, Snooze, of_alert_alone
from api.records.fields import Id, Text, Word
from api.records.session import Grant, HotelChoice, LogIn, MqttPlace, Session, SessionHotel, Switch, Ticket
from api.records.systems import ClearanceView, TakenWord
from api.records.tablets import (
    Ask,
    ChangedRoom,
    DeviceView,
    History,
    Move,
    NewRoom,
    NewTablet,
    Replacement,
    RoomView,
    TabletChanges,
    device_view,
    room_view,
)

__all__ = [
    "Acknowledge",
    "AddNote",
    "AlertDetail",
    "Answer",
    "Ask",
    "AskedToken",
    "Assign",
    "BrokerPlace",
    "ChangedRoom",
    "ClearanceView",
    "DeviceView",
    "Grant",
    "History",
    "HotelChoice",
    "Id",
    "LogIn",
    "Move",
    "MqttPlace",
    "NewRoom",
    "NewTablet",
    "RegisterTablet",
    "Registered",
    "RenewedToken",
    "Replacement",
    "Resolve",
    "RoomView",
    "Session",
    "SessionHotel",
    "Snooze",
    "Switch",
    "TabletChanges",
    "Taken",
    "TakenHeartbeat",
    "TakenWord",
    "Text",
    "Ticket",
    "Word",
    "device_view",
    "of_alert_alone",
    "room_view",
]
