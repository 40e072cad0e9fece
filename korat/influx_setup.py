"""InfluxDB 2.x set up: its first user, an organisation, buckets, and tokens that can do no more than they must.

Nothing is made twice, so it may run at every start. The names of the secrets are the contract with docker-compose.yml.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from influxdb_client import (
    Authorization,
    BucketRetentionRules,
    InfluxDBClient,
    OnboardingRequest,
    Permission,
    PermissionResource,
    PostBucketRequest,
    SetupService,
)
from influxdb_client import Bucket as InfluxBucket
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from city.errors import ConfigurationError, Unavailable
from korat.init_settings import Bucket
from korat.secret_files import SecretFiles

ADMIN_TOKEN: Final = "influx_admin_token"  # noqa: S105 - a file's name
ADMIN_PASSWORD: Final = "influx_admin_password"  # noqa: S105 - the same
WRITE_TOKEN: Final = "influx_write_token"  # noqa: S105 - the same
READ_TOKEN: Final = "influx_read_token"  # noqa: S105 - the same

# Ingest asks for the newest instants before it writes, and the endpoints of the 1.x dialect look a bucket up with the
# rights of the token: hence reading as well.
_TOKENS: Final = {
    WRITE_TOKEN: ("korat ingest", ("read", "write")),
    READ_TOKEN: ("korat readers", ("read",)),
}
_TIMEOUT_MS: Final = 10_000
_MIN_PASSWORD: Final = 8


@dataclass(frozen=True, slots=True)
class InfluxSetup:
    """What there shall be.

    Attributes:
        base: `http://host:port` of the server.
        org: Its organisation.
        user: Its first user.
        buckets: What it keeps; the first one is made with the organisation.
        files: Where the secrets are.
        report: Gets one sentence for each step.
    """

    base: str
    org: str
    user: str
    buckets: tuple[Bucket, ...]
    files: SecretFiles
    report: Callable[[str], None]

    def ping(self) -> None:
        """Return when the server answers.

        Raises:
            Unavailable: It doesn't.
        """
        with InfluxDBClient(self.base, timeout=2000) as client, _translated(self.base):
            client.api_client.call_api("/ping", "GET", _return_http_data_only=True)

    def run(self) -> None:
        """Make what is missing.

        Raises:
            ConfigurationError: A secret is missing or wrong; the sentence says which.
            Unavailable: The server broke off.
        """
        self._onboard()
        token = self.files.read(ADMIN_TOKEN)
        if not token:
            raise ConfigurationError(
                f"InfluxDB at {self.base} was set up before, so {self.files.path(ADMIN_TOKEN)} must hold a token of "
                "its administrator"
            )
        with InfluxDBClient(self.base, token=token, org=self.org, timeout=_TIMEOUT_MS) as client:
            org_id = self._org_id(client)
            ids = [self._bucket_id(client, org_id, bucket) for bucket in self.buckets]
            for name, (description, actions) in _TOKENS.items():
                self._token(client, org_id, name, description, {(action, one) for action in actions for one in ids})

    def _onboard(self) -> None:
        """Set up a new server."""
        with InfluxDBClient(self.base, timeout=_TIMEOUT_MS) as client, self._refusals():
            service = SetupService(client.api_client)
            if not service.get_setup().allowed:
                return
            password, token = self.files.read(ADMIN_PASSWORD), self.files.read(ADMIN_TOKEN)
            if len(password) < _MIN_PASSWORD:
                raise ConfigurationError(
                    f"InfluxDB at {self.base} is new, so {self.files.path(ADMIN_PASSWORD)} must hold a password of at "
                    f"least {_MIN_PASSWORD} characters for its administrator"
                )
            first = self.buckets[0]
            answer = service.post_setup(
                OnboardingRequest(
                    username=self.user,
                    password=password,
                    org=self.org,
                    bucket=first.name,
                    retention_period_seconds=first.keep_s,
                    token=token or None,
                )
            )
        if not token:
            self.files.write(ADMIN_TOKEN, answer.auth.token)
        self.report(f"InfluxDB: set up with the organisation {self.org} and the bucket {_spelled(first)}")

    def _org_id(self, client: InfluxDBClient) -> str:
        with self._refusals():
            found = client.organizations_api().find_organizations()
            for org in found:
                if org.name == self.org:
                    return str(org.id)
            made = client.organizations_api().create_organization(name=self.org)
        self.report(f"InfluxDB: made the organisation {self.org}")
        return str(made.id)

    def _bucket_id(self, client: InfluxDBClient, org_id: str, wanted: Bucket) -> str:
        with self._refusals():
            found = _find_bucket(client, org_id, wanted.name)
            if found is None:
                rules = [BucketRetentionRules(type="expire", every_seconds=wanted.keep_s)] if wanted.keep_s else []
                request = PostBucketRequest(name=wanted.name, org_id=org_id, retention_rules=rules)
                found = client.buckets_api().create_bucket(bucket=request)
                self.report(f"InfluxDB: made the bucket {_spelled(wanted)}")
                return str(found.id)
        keep_s = sum(rule.every_seconds for rule in found.retention_rules)
        if keep_s != wanted.keep_s:
            present = _spelled(Bucket(wanted.name, keep_s))
            self.report(
                f"InfluxDB: the bucket {present} is there and stays so, though the settings ask for "
                f"{_spelled(wanted)}: a shorter time deletes, so change it by hand"
            )
        return str(found.id)

    def _token(
        self, client: InfluxDBClient, org_id: str, name: str, description: str, rights: set[tuple[str, str]]
    ) -> None:
        """See to it that a file holds a token with just these rights; tokens of the name that lack any go."""
        api = client.authorizations_api()
        with self._refusals():
            held = self.files.read(name)
            old = [one for one in api.find_authorizations(org_id=org_id) if one.description == description]
            for one in old:
                # a server that keeps only hashes lists no token: then what the file holds is believed
                if one.status == "active" and _rights(one) == rights and (one.token in {held, None, ""}) and held:
                    return
            permissions = [
                Permission(action=action, resource=PermissionResource(type="buckets", id=bucket, org_id=org_id))
                for action, bucket in sorted(rights)
            ]
            made = api.create_authorization(
                authorization=Authorization(org_id=org_id, description=description, permissions=permissions)
            )
            self.files.write(name, made.token)
            for one in old:
                api.delete_authorization(one)
        self.report(f"InfluxDB: made a token for {description}, in {self.files.path(name)}")

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Add to a refusal what to do: a dead token is the administrator's to renew."""
        with _translated(self.base, f"; see whether {self.files.path(ADMIN_TOKEN)} holds its administrator's token"):
            yield


@contextmanager
def _translated(base: str, advice: str = "") -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ConfigurationError(f"InfluxDB at {base} refuses this ({_reason(error)}){advice}") from None
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"InfluxDB at {base}: {_reason(error)}") from None
        raise ConfigurationError(f"InfluxDB at {base} refuses this: {_reason(error)}") from None
    except HTTPError as error:
        raise Unavailable(f"InfluxDB at {base} does not answer: {type(error).__name__}") from None


def _reason(error: ApiException) -> str:
    try:
        message: Any = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        message = error.reason
    return f"{error.status} {' '.join(str(message).split())[:200]}"


def _find_bucket(client: InfluxDBClient, org_id: str, name: str) -> InfluxBucket | None:
    try:
        found = client.buckets_api().find_buckets(name=name, org_id=org_id).buckets
    except ApiException as error:
        # a name that it lacks is a 404 in 2.7; other servers of the API answer an empty list
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    return found[0] if found else None


def _rights(authorization: Authorization) -> set[tuple[str, str]]:
    return {(one.action, one.resource.id) for one in authorization.permissions}


def _spelled(bucket: Bucket) -> str:
    return f"{bucket.name} ({'for ever' if not bucket.keep_s else f'{bucket.keep_s / 86_400:g} days'})"
