"""Who does what a test has done."""

from store import Actor, ActorKind


def person(name: str) -> Actor:
    return Actor(ActorKind.USER, name)
