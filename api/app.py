"""The application: every route, behind one guard or on the short list of public ones."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar import HttpMethod, Litestar, Request, Router, route
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from prometheus_client import CollectorRegistry

from api.accounts import Accounts
from api.actors import actor_of
from api.addresses import Addresses
from api.attempts import Attempts
from api.bodies import require_json
from api.callers import Callers
from api.cors import Pages
from api.enrolling import Reception
from api.gate import Access, Caller, Connection, Gate, RouteWithoutAccess, hotel_of
from api.heads import complete, guarded, timed
from api.locksmith import Locksmith
from api.look_backs import LookBacks
from api.metrics import ApiMetrics
from api.openapi import BEARER, description, openapi
from api.operations import Health, operations
from api.page import console
from api.passwords import Passwords
from api.problems import Refused, Trouble, answer
from api.routes import (
    access_points,
    agents_auth,
    alerts,
    audit,
    calibration,
    channels,
    commands,
    devices,
    enrolments,
    events,
    incidents,
    integrators,
    jobs,
    ledger,
    legacy,
    maintenance,
    migration,
    passwords,
    pms,
    policy,
    replay,
    rooms,
    round_,
    session,
    signin,
    telemetry,
    tickets,
    users,
    why,
)
from api.routes.wellknown import well_known
from api.settings import ApiSettings
from api.speakers import Speakers
from api.streams import Streams
from api.tablets import TabletDesk
from api.telemetry import Letterbox
from broker.tokens import KeyRing
from rules.ids import HotelId
from store import Actor, Doorbell, Store

LARGEST_BODY = 64 * 1024

GUARDED: tuple[HTTPRouteHandler, ...] = (
    signin.renew,
    signin.switch,
    session.show_session,
    alerts.list_alerts,
    alerts.show_alert,
    why.why_alert,
    alerts.acknowledge,
    alerts.unacknowledge,
    alerts.assign,
    alerts.add_note,
    alerts.snooze,
    alerts.resolve,
    alerts.fix,
    access_points.list_access_points,
    access_points.confirm_access_point,
    access_points.forget_access_point,
    incidents.list_incidents,
    incidents.show_incident,
    incidents.acknowledge_incident,
    agents_auth.renew_device,
    enrolments.make_enrolment,
    enrolments.list_enrolments,
    enrolments.show_enrolment,
    enrolments.approve_enrolment,
    enrolments.withdraw_enrolment,
    devices.list_devices,
    devices.add_device,
    devices.change_device,
    devices.retire_device,
    devices.move_device,
    devices.replace_device,
    devices.revoke_device,
    devices.show_device,
    devices.show_history,
    why.why_device,
    commands.send_command,
    commands.list_commands,
    commands.show_command,
    rooms.list_rooms,
    rooms.show_room,
    rooms.add_room,
    rooms.change_room,
    jobs.list_jobs,
    maintenance.list_windows,
    maintenance.add_window,
    maintenance.end_window,
    pms.take_word,
    pms.show_status,
    pms.show_clearance,
    pms.list_clearances,
    calibration.show_calibration,
    calibration.apply_calibration,
    replay.list_replays,
    replay.show_replay,
    replay.ask_for_replay,
    *policy.ROUTES,
    round_.show_round,
    ledger.list_notifications,
    ledger.list_quarantine,
    audit.list_audit,
    events.follow_events,
    passwords.change_password,
    tickets.make_ticket,
    users.list_users,
    users.show_user,
    users.add_user,
    users.change_user,
    users.remove_user,
    users.disable_user,
    users.enable_user,
    users.make_password_link,
    integrators.list_integrators,
    integrators.add_integrator,
    integrators.change_integrator,
    integrators.rotate_integrator,
    integrators.revoke_integrator,
    integrators.remove_integrator,
    channels.list_channels,
    channels.add_channel,
    channels.remove_channel,
    telemetry.heartbeat,
    telemetry.breach,
    telemetry.battery,
    telemetry.tamper,
    legacy.old_config,
    legacy.recent_alerts,
    legacy.acknowledge_by_number,
    legacy.quick_add,
    legacy.upsert_room,
    migration.show_migration,
    migration.let_shared_token_speak,
)

PUBLIC: tuple[HTTPRouteHandler, ...] = (
    signin.log_in,
    agents_auth.register,
    passwords.look_at_password_link,
    passwords.use_password_link,
    openapi,
)


def build_app(
    *,
    store: Store,
    keys: KeyRing,
    doorbell: Doorbell,
    clock: Callable[[], datetime],
    registry: CollectorRegistry,
    health: Health,
    settings: ApiSettings,
) -> Litestar:
    """Return the ASGI application; call it on the event loop that opened the store.

    `app.state.streams.close()` ends the open event streams: call it before the server is told to stop, or they keep
    it waiting.
    """
    metrics = ApiMetrics(registry)
    gate = Gate(
        keys=keys,
        accounts=Accounts(store),
        clock=clock,
        metrics=metrics,
        tickets=lambda ticket: store.take_ticket(ticket, now=clock()),
        shared=settings.shared_token,
    )
    speakers, pages = Speakers(store, clock=clock), Pages(settings.origins)
    streams = Streams(store=store, doorbell=doorbell, gate=gate, clock=clock, metrics=metrics, settings=settings)
    attempts, hashing = Attempts(clock=clock), Passwords()
    given: dict[str, object] = {
        "store": store,
        "keys": keys,
        "clock": clock,
        "settings": settings,
        "metrics": metrics,
        "streams": streams,
        "look_backs": LookBacks(),
        "desk": signin.Desk(store=store, keys=keys, clock=clock, life=settings.user_token_life),
        "tablet_desk": TabletDesk(store=store, keys=keys, clock=clock, life=settings.device_token_life),
        "reception": Reception(
            store=store, keys=keys, clock=clock, refused=lambda reason: metrics.tokens_refused.labels(reason).inc()
        ),
        "addresses": Addresses(settings),
        "renewals": agents_auth.Renewals(clock=clock),
        "attempts": attempts,
        "callers": Callers(settings.proxies),
        "passwords": hashing,
        "locksmith": Locksmith(store=store, attempts=attempts, passwords=hashing, clock=clock),
        "speakers": speakers,
        "letterbox": Letterbox(store=store, speakers=speakers, clock=clock),
    }
    page = console(settings)
    app = Litestar(
        [
            _guarded(gate),
            Router("/api", route_handlers=PUBLIC, before_request=require_json),
            operations(health=health, registry=registry, gate=gate, metrics_token=settings.metrics_token),
            well_known(keys, clock=clock),
            *([page] if page else []),
        ],
        dependencies={name: _always(value) for name, value in given.items()},
        exception_handlers={Exception: answer},
        middleware=[timed, pages.asked],
        before_send=[complete(metrics), pages.told()],
        request_max_body_size=LARGEST_BODY,
        openapi_config=description(),
        logging_config=None,
        # Said, because their defaults are read from the environment.
        debug=False,
        pdb_on_exception=False,
    )
    app.state.streams = streams  # Not as an argument: Litestar would copy it, and close the copy.
    return app


def build_health_app(*, registry: CollectorRegistry, health: Health, metrics_token: str | None) -> Litestar:
    """Return the ASGI application of a process that serves nobody over HTTP but the machines that watch it."""
    return Litestar(
        [operations(health=health, registry=registry, gate=None, metrics_token=metrics_token)],
        exception_handlers={Exception: answer},
        before_send=[guarded],
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )


def build_waiting_app(*, registry: CollectorRegistry, health: Health, metrics_token: str | None) -> Litestar:
    """Return the application of a process that cannot serve yet: the same pages for machines, and 503 for all else."""

    @route("/{path:path}", http_method=list(HttpMethod), include_in_schema=False, sync_to_thread=False)
    def not_yet(path: str) -> None:
        del path
        raise Refused(Trouble.UNAVAILABLE, "starting", headers={"Retry-After": "2"})

    app = build_health_app(registry=registry, health=health, metrics_token=metrics_token)
    app.register(not_yet)
    return app


def _guarded(gate: Gate) -> Router:
    """Put every route that is not public behind the one guard; raises RouteWithoutAccess."""
    for handler in GUARDED:
        if not isinstance(handler.opt.get("access"), Access):
            raise RouteWithoutAccess(handler.name or str(handler))

    async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        # A function, because Litestar copies a router deeply: an object would be copied, with the store behind it.
        await gate.check(connection, handler)

    return Router(
        "/api",
        route_handlers=GUARDED,
        guards=[guard],
        before_request=require_json,
        security=BEARER,
        dependencies={
            "caller": Provide(_caller, sync_to_thread=False),
            "hotel_id": Provide(_hotel_id, sync_to_thread=False),
            "by": Provide(_by, sync_to_thread=False),
        },
    )


def _always(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)


def _caller(request: Request[Any, Any, Any]) -> Caller:
    caller: Caller = request.state.caller
    return caller


def _hotel_id(request: Request[Any, Any, Any]) -> HotelId:
    return hotel_of(_caller(request))


def _by(request: Request[Any, Any, Any], callers: NamedDependency[Callers]) -> Actor:
    return actor_of(request, _caller(request), callers)
