"""A stub of the endpoints of InfluxDB 2.7 that a set-up needs, after its documented HTTP API. No InfluxDB."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class InfluxStub:
    """What it holds, and what changed in it.

    Attributes:
        token: The administrator's; empty: it is not set up.
        shows_tokens: Whether lists of authorizations show tokens, as 2.7 does.
        broken: What every request is answered with; 0: nothing is broken.
    """

    token: str = ""
    shows_tokens: bool = True
    broken: int = 0
    orgs: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    authorizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    onboarding: dict[str, Any] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._admit])
        app.add_routes(
            [
                web.get("/ping", self._ping),
                web.get("/api/v2/setup", self._may_set_up),
                web.post("/api/v2/setup", self._set_up),
                web.get("/api/v2/orgs", self._list_orgs),
                web.post("/api/v2/orgs", self._make_org),
                web.get("/api/v2/buckets", self._list_buckets),
                web.post("/api/v2/buckets", self._make_bucket),
                web.get("/api/v2/authorizations", self._list_authorizations),
                web.post("/api/v2/authorizations", self._make_authorization),
                web.delete("/api/v2/authorizations/{id}", self._forget_authorization),
            ]
        )
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "GET":
            self.changes.append(f"{request.method} {request.path}")
        if self.broken and request.path != "/ping":
            return web.json_response({"code": "x", "message": "it is broken"}, status=self.broken)
        is_open = request.path in {"/ping", "/api/v2/setup"}
        if not is_open and request.headers.get("Authorization") != f"Token {self.token}":
            return web.json_response({"code": "unauthorized", "message": "unauthorized access"}, status=401)
        return await handler(request)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Build": "OSS", "X-Influxdb-Version": "v2.7.12"})

    async def _may_set_up(self, _: web.Request) -> web.Response:
        return web.json_response({"allowed": not self.token})

    async def _set_up(self, request: web.Request) -> web.Response:
        self.onboarding = asked = await request.json()
        if self.token:
            return web.json_response({"code": "conflict", "message": "onboarding has been completed"}, status=422)
        self.token = asked.get("token") or secrets.token_urlsafe(32)
        self.orgs["o1"] = asked["org"]
        bucket = self._bucket("o1", asked["bucket"], asked.get("retentionPeriodSeconds") or 0)
        made = {"id": "a0", "token": self.token, "status": "active", "description": "admin", "permissions": []}
        user = {"id": "u1", "name": asked["username"], "status": "active"}
        org = {"id": "o1", "name": asked["org"]}
        return web.json_response({"user": user, "bucket": bucket, "org": org, "auth": made}, status=201)

    async def _list_orgs(self, request: web.Request) -> web.Response:
        if request.query.get("org", "") not in {"", *self.orgs.values()}:
            return web.json_response({"code": "not found", "message": "organization name not found"}, status=404)
        return web.json_response({"orgs": [{"id": key, "name": name} for key, name in self.orgs.items()]})

    async def _make_org(self, request: web.Request) -> web.Response:
        key = f"o{len(self.orgs) + 1}"
        self.orgs[key] = (await request.json())["name"]
        return web.json_response({"id": key, "name": self.orgs[key]}, status=201)

    async def _list_buckets(self, request: web.Request) -> web.Response:
        name, org = request.query["name"], request.query["orgID"]
        found = [one for one in self.buckets.values() if (one["name"], one["orgID"]) == (name, org)]
        if not found:
            # 2.7.12 answers a name that it lacks so, not with an empty list
            return web.json_response({"code": "not found", "message": f'bucket "{name}" not found'}, status=404)
        return web.json_response({"buckets": found})

    async def _make_bucket(self, request: web.Request) -> web.Response:
        asked = await request.json()
        keep_s = sum(rule["everySeconds"] for rule in asked.get("retentionRules", []))
        return web.json_response(self._bucket(asked["orgID"], asked["name"], keep_s), status=201)

    def _bucket(self, org: str, name: str, keep_s: int) -> dict[str, Any]:
        key = f"b{len(self.buckets) + 1}"
        rules = [{"type": "expire", "everySeconds": keep_s}] if keep_s else []
        self.buckets[key] = {"id": key, "orgID": org, "name": name, "retentionRules": rules}
        return self.buckets[key]

    async def _list_authorizations(self, request: web.Request) -> web.Response:
        found = [one for one in self.authorizations.values() if one["orgID"] == request.query["orgID"]]
        shown = found if self.shows_tokens else [{**one, "token": None} for one in found]
        return web.json_response({"authorizations": shown})

    async def _make_authorization(self, request: web.Request) -> web.Response:
        asked = await request.json()
        key = f"a{secrets.token_hex(4)}"
        made = {**asked, "id": key, "token": secrets.token_urlsafe(32), "status": "active"}
        self.authorizations[key] = made
        return web.json_response(made, status=201)

    async def _forget_authorization(self, request: web.Request) -> web.Response:
        del self.authorizations[request.match_info["id"]]
        return web.Response(status=204)
