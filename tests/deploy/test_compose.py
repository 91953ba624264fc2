"""docker-compose.yml: sound by the specification's own schema, and true to what there is.

compose-spec.json is the schema of the Compose Specification, unchanged; it is under the Apache License 2.0 as this
project is.
"""

import json
import re
import subprocess
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from broker.settings import Scheme
from config.settings import KNOWN, read_environment
from tests.deploy.compose import (
    DEPLOY,
    HEALTH_PORTS,
    OURS,
    ROOT,
    Service,
    can_reach,
    compose,
    environment,
    processes,
    services,
    strings,
)

SERVICES = services()
ONE_SHOT = {"migrate"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in which deploy/make-secrets was run."""
    tree = tmp_path_factory.mktemp("tree")
    (tree / "deploy").mkdir()
    script = tree / "deploy" / "make-secrets"
    script.write_bytes((DEPLOY / "make-secrets").read_bytes())
    subprocess.run(["sh", script, "watch.example"], check=True, timeout=30, capture_output=True)
    return tree


def named(service: Service) -> list[str]:
    """The secrets that a service is given."""
    return list(service.get("secrets", []))


def test_the_file_is_what_the_specification_allows() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)

    faults = [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(schema).iter_errors(compose())]

    assert faults == []


def test_it_says_what_to_do_when_no_domain_was_named() -> None:
    with pytest.raises(KeyError, match="INNWATCH_DOMAIN"):
        compose(INNWATCH_DOMAIN="")


@pytest.mark.parametrize(
    "name", [name for name, service in SERVICES.items() if service["image"].startswith(f"{OURS}:")]
)
def test_every_variable_of_ours_is_a_setting_and_its_value_is_sound(name: str, made: Path) -> None:
    said = {
        variable: value.replace("/run/secrets", str(made / "deploy" / "secrets"))
        for variable, value in environment(SERVICES[name]).items()
    }
    own = {"BACKUP_EVERY", "BACKUPS_KEPT"} if name == "backup" else set()

    assert set(said) - own <= KNOWN
    read_environment(said)


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_shut_in(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"].partition(":")[0] not in {"", "0", "root"}
    assert not service.get("privileged", False)
    assert {"cpus", "memory", "pids"} <= set(limits)
    assert float(limits["cpus"]) <= 2, "a machine with fewer cores would refuse to start it"
    assert service["restart"] != "no"
    assert ":latest" not in service["image"]
    assert ":" in service["image"]


def test_no_container_but_the_proxy_is_given_a_capability() -> None:
    assert {name for name, service in SERVICES.items() if "cap_add" in service} == {"proxy"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_whatever_serves_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize(("name", "variable"), HEALTH_PORTS.items())
def test_the_health_check_asks_the_port_that_the_process_serves(name: str, variable: str) -> None:
    program, url = SERVICES[name]["healthcheck"]["test"][1:]

    assert program == "ready"
    assert urlsplit(url).path == "/health/ready"
    assert str(urlsplit(url).port) == environment(SERVICES[name])[variable]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_after_services_that_there_are_and_whose_state_can_be_told(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        match how["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other]
            case "service_started":
                assert other in SERVICES
            case "service_completed_successfully":
                assert other in ONE_SHOT
                assert SERVICES[other]["restart"].startswith("on-failure")
            case other_condition:
                pytest.fail(other_condition)


def test_nobody_waits_for_somebody_who_waits_for_them() -> None:
    left = {name: set(service.get("depends_on", {})) for name, service in SERVICES.items()}
    while left:
        free = {name for name, needs in left.items() if not needs}
        assert free, left
        left = {name: needs - free for name, needs in left.items() if name not in free}


@pytest.mark.parametrize("kind", ["secrets", "volumes", "networks"])
def test_what_is_declared_is_used_and_what_is_used_is_declared(kind: str) -> None:
    used = set()
    for service in SERVICES.values():
        for one in service.get(kind, []):
            source = one["source"] if isinstance(one, dict) else str(one).partition(":")[0]
            used |= set() if source.startswith(".") else {source}

    assert used == set(compose()[kind])


@pytest.mark.parametrize("name", SERVICES)
def test_a_file_that_is_put_into_a_container_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        if isinstance(volume, str) and volume.startswith("."):
            source, _, how = volume.split(":")
            assert (ROOT / source).exists()
            assert how == "ro"


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_that_is_named_is_given_and_one_that_is_given_is_named(name: str) -> None:
    service = SERVICES[name]
    files = {match for text in strings(service) for match in re.findall(r"/run/secrets/(\w+)", text)}
    from_prometheus = {"metrics_token"} if name == "prometheus" else set()
    wanted_by_choice = {"smtp_password", "slack_webhook_url"}  # their variables are empty until .env says otherwise

    assert files | from_prometheus <= set(named(service))
    assert set(named(service)) - wanted_by_choice <= files | from_prometheus


def test_every_secret_is_made_by_the_script_for_its_owner_alone(made: Path) -> None:
    folder = made / "deploy" / "secrets"
    wanted = {Path(secret["file"]) for secret in compose()["secrets"].values()}

    assert {made / path for path in wanted} <= set(folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_no_two_secrets_are_alike_and_no_random_one_is_short(made: Path) -> None:
    texts = [path.read_text() for path in (made / "deploy" / "secrets").iterdir() if path.stat().st_size]

    assert len(set(texts)) == len(texts)
    assert min(map(len, texts)) >= 43


def test_making_the_secrets_again_changes_nothing(made: Path) -> None:
    def state() -> dict[str, str]:
        return {path.name: path.read_text() for path in [*(made / "deploy" / "secrets").iterdir(), made / ".env"]}

    before = state()
    subprocess.run(["sh", made / "deploy" / "make-secrets"], check=True, timeout=30, capture_output=True)

    assert state() == before


def make_secrets(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (tree / "deploy").mkdir(exist_ok=True)
    script = tree / "deploy" / "make-secrets"
    script.write_bytes((DEPLOY / "make-secrets").read_bytes())
    return subprocess.run(["sh", script, *words], timeout=30, capture_output=True, text=True, check=False)


def test_what_stands_in_the_env_file_already_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMTP_HOST=mail.example")

    assert make_secrets(tmp_path, "watch.example").returncode == 0
    assert (tmp_path / ".env").read_text() == "SMTP_HOST=mail.example\nINNWATCH_DOMAIN=watch.example\n"


def test_another_domain_than_the_one_that_is_named_is_not_passed_over(made: Path) -> None:
    refused = make_secrets(made, "other.example")

    assert (refused.returncode, "INNWATCH_DOMAIN=watch.example" in refused.stderr) == (2, True)
    assert make_secrets(made, "watch.example").returncode == 0


@pytest.mark.parametrize("domain", ["", "watch.example; rm -rf", "$(id)", "a b"])
def test_a_domain_that_is_none_is_refused_before_anything_is_made(domain: str, tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "make-secrets"
    script.write_bytes((DEPLOY / "make-secrets").read_bytes())

    refused = subprocess.run(["sh", script, domain], timeout=30, capture_output=True, check=False)

    assert refused.returncode == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deploy", "make-secrets"]


def test_no_secret_stands_in_the_file_or_in_the_repository() -> None:
    for name, service in SERVICES.items():
        for variable, value in environment(service).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|WEBHOOK|_URL$|PASS\b", variable) and not variable.endswith("_FILE"):
                assert re.fullmatch(
                    r"(https|wss)://watch\.example(/\w+)?|mqtts://watch\.example:8883|mqtt://broker:1883|http://api:8080",
                    value,
                ), (
                    name,
                    variable,
                )
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/deploy/secrets/", ".env"} <= set(ignored)


def test_from_outside_only_https_and_mqtt_with_tls_can_be_reached() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", [])}

    assert {port for port in published if not port.startswith("127.0.0.1:")} == {"80:80", "443:443", "8883:8883"}
    assert {port for port in published if port.startswith("127.0.0.1:")} == {
        "127.0.0.1:3000:3000",
        "127.0.0.1:9090:9090",
    }


def test_a_port_can_be_published_only_from_a_network_that_is_not_internal() -> None:
    networks = compose()["networks"]
    for name, service in SERVICES.items():
        if "ports" in service:
            assert any(not (networks[network] or {}).get("internal") for network in service["networks"]), name


def test_the_database_and_redis_can_be_reached_from_nowhere_outside() -> None:
    networks = compose()["networks"]
    for name in ("postgres", "redis"):
        assert all(networks[network]["internal"] for network in SERVICES[name]["networks"])


def test_tablets_come_in_by_tls_and_nothing_else_is_published_of_the_broker() -> None:
    listeners = read_environment({"INNWATCH_LISTEN": environment(SERVICES["broker"])["INNWATCH_LISTEN"]}).listeners
    published = {int(port.rpartition(":")[2]) for port in SERVICES["broker"]["ports"]}

    assert {listener.scheme for listener in listeners if listener.port in published} == {Scheme.MQTTS}


@pytest.mark.parametrize("certificates", ["local", "acme-v02.api.letsencrypt.org-directory"])
def test_the_certificate_is_where_the_proxy_keeps_it(certificates: str) -> None:
    said = services(INNWATCH_CERTIFICATES=certificates)
    broker, proxy = said["broker"], said["proxy"]
    (mount,) = [one for one in broker["volumes"] if isinstance(one, dict)]
    (volume,) = proxy["volumes"]
    where = volume.partition(":")[2]
    kept = f"{where}/{mount['volume']['subpath']}/{certificates}/watch.example/watch.example"
    waited_for = proxy["healthcheck"]["test"][1]
    for variable, value in environment(proxy).items():
        waited_for = waited_for.replace(f"${variable}", value)

    assert f"XDG_DATA_HOME={where} " in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert mount["source"] == volume.partition(":")[0]
    assert mount["read_only"]
    shown = environment(broker)
    assert shown["INNWATCH_TLS_CERT"].replace(mount["target"], f"{where}/{mount['volume']['subpath']}") == f"{kept}.crt"
    assert shown["INNWATCH_TLS_KEY"].replace(mount["target"], f"{where}/{mount['volume']['subpath']}") == f"{kept}.key"
    assert f'"{kept}.crt"' in waited_for


def test_whoever_is_named_by_an_address_can_be_reached_and_listens_there(made: Path) -> None:
    secrets = made / "deploy" / "secrets"
    broker = urlsplit(environment(SERVICES["bridge"])["INNWATCH_BROKER"])
    listeners = read_environment({"INNWATCH_LISTEN": environment(SERVICES["broker"])["INNWATCH_LISTEN"]}).listeners
    database, redis = (urlsplit((secrets / name).read_text()) for name in ("database_url", "redis_url"))

    assert (broker.hostname, broker.scheme, broker.port) in {("broker", one.scheme, one.port) for one in listeners}
    assert can_reach("bridge", "broker")
    for name in processes():
        assert can_reach(name, str(database.hostname))
    for name in ("bridge", "api", "worker"):
        assert can_reach(name, str(redis.hostname))
    assert (database.port, redis.port) == (5432, 6379)


def test_what_the_page_sets_in_the_env_file_reaches_a_container() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    told = {name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)=", row)}
    taken = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))

    assert {"BACKUP_EVERY", "INNWATCH_RETENTION_DAYS"} <= told
    assert told <= taken


def test_the_doctor_is_run_where_all_that_it_looks_at_can_be_reached() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    (where,) = set(re.findall(r"docker compose exec (\w+) innwatch doctor", page))
    said = environment(SERVICES[where])

    assert {"DATABASE_URL_FILE", "REDIS_URL_FILE", "INNWATCH_BROKER", "INNWATCH_PUBLIC_URL", "SMTP_HOST"} <= set(said)
    assert all(can_reach(where, other) for other in ("postgres", "redis", "broker"))
    networks = compose()["networks"]
    assert any(not (networks[name] or {}).get("internal") for name in SERVICES[where]["networks"]), "mail, and people"


def test_the_accounts_of_the_database_are_those_that_its_script_makes(made: Path) -> None:
    script = (DEPLOY / "postgres" / "roles.sh").read_text(encoding="utf-8")
    url = urlsplit((made / "deploy" / "secrets" / "database_url").read_text())
    measuring = environment(SERVICES["database-metrics"])

    assert f"CREATE ROLE {url.username} LOGIN" in script
    assert f"CREATE DATABASE {url.path.strip('/')} OWNER {url.username}" in script
    assert f"CREATE ROLE {measuring['DATA_SOURCE_USER']} LOGIN" in script
    assert set(re.findall(r'cat "\$(\w+)"', script)) <= set(environment(SERVICES["postgres"]))


@pytest.mark.parametrize("job", ["broker", "bridge", "api", "worker"])
def test_prometheus_asks_every_process_at_its_port_with_the_token(job: str) -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    (said,) = [one for one in jobs if one["job_name"] == job]
    (where,) = said["dns_sd_configs"]

    assert where["names"] == [job]
    assert where["port"] == int(environment(SERVICES[job])[HEALTH_PORTS[job]])
    assert can_reach("prometheus", job)
    assert said["authorization"]["credentials_file"] == "/run/secrets/metrics_token"
    assert environment(SERVICES[job])["INNWATCH_METRICS_TOKEN_FILE"] == "/run/secrets/metrics_token"


def test_the_proxy_passes_on_to_ports_that_are_served() -> None:
    caddy = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    listen = environment(SERVICES["broker"])["INNWATCH_LISTEN"]

    assert "reverse_proxy broker:8083" in caddy
    assert "ws://0.0.0.0:8083/mqtt" in listen.split()
    assert f"dynamic a api {environment(SERVICES['api'])['INNWATCH_HTTP_PORT']}" in caddy
    assert can_reach("proxy", "broker")
    assert can_reach("proxy", "api")
    assert environment(SERVICES["api"])["INNWATCH_PUBLIC_WS_URL"] == "wss://watch.example/mqtt"
    assert environment(SERVICES["api"])["INNWATCH_PUBLIC_MQTT_URL"] == "mqtts://watch.example:8883"


def test_the_api_believes_the_proxy_and_is_reached_by_nobody_from_outside() -> None:
    networks = [ip_network(one) for one in environment(SERVICES["api"])["INNWATCH_PROXIES"].split()]

    assert all(network.is_private for network in networks)
    assert "ports" not in SERVICES["api"]
    assert {"front", "outward"}.isdisjoint(SERVICES["api"]["networks"])


def test_all_processes_together_find_room_in_the_database() -> None:
    command = SERVICES["postgres"]["command"]
    (most,) = [int(word.partition("=")[2]) for word in command if word.startswith("max_connections=")]
    pool = read_environment({}).database.connections
    places = 0
    for service in processes().values():
        words = service["command"]
        each = int(words[words.index("--processes") + 1]) + 1 if "--processes" in words else 1
        places += each * service["deploy"].get("replicas", 1)

    assert places * pool + 20 <= most, "20 for people, the backup and the measuring"
