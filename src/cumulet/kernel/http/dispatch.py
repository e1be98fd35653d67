# SPDX-License-Identifier: Apache-2.0
"""From a request to an answer: who asks, in which version, with what body, and what comes of it.

One Falcon application for each service. The path below it is a table of endpoints; those that share a path
and a method are told apart by their action or their microversion.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import falcon
import falcon.asgi
import msgspec

from cumulet.kernel import ids, trace
from cumulet.kernel.auth import access_rules, refusals
from cumulet.kernel.auth.context import ANONYMOUS, Context, Identity
from cumulet.kernel.errors import BadRequest, Error, MethodNotAllowed, NotFound, TooLarge, Unauthorized
from cumulet.kernel.http import bodies, idempotency
from cumulet.kernel.http.bodies import MAX_BODY
from cumulet.kernel.http.endpoint import Endpoint
from cumulet.kernel.http.messages import Query, Reply, Request

if TYPE_CHECKING:
    from cumulet.kernel.app import App
    from cumulet.kernel.service import Running

_encode = msgspec.json.encode
_PROJECT_ID = re.compile(r"[0-9a-f-]+", re.ASCII)


class Dispatcher:
    """Answers every request of one service."""

    def __init__(self, app: "App", service: "Running") -> None:
        self.app = app
        self.service = service
        self.api = service.api
        self.falcon = falcon.asgi.App(media_type="application/json")
        self.falcon.resp_options.default_media_type = None
        self.falcon.add_error_handler(falcon.HTTPError, self._routing_error)
        by_path: dict[str, list[Endpoint]] = defaultdict(list)
        for endpoint in self.api.endpoints:
            path = (self.api.prefix if endpoint.prefixed else "") + endpoint.path
            by_path[path.rstrip("/") or "/"].append(endpoint)
        for path, endpoints in by_path.items():
            self.falcon.add_route(path, _resource(self, endpoints))
        self.first_words = {
            path[len(self.api.prefix) :].split("/")[1]
            for path in by_path
            if path.count("/") > 1 and path.startswith(self.api.prefix)
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["cumulet.asked"] = scope["path"]
        if self.api.project_in_path:
            self._take_project(scope)
        self._drop_slash(scope)

        async def receive_noting_the_end() -> Any:
            event = await receive()
            if event["type"] == "http.disconnect":
                scope["cumulet.gone"] = True
            return event

        await self.falcon(scope, receive_noting_the_end, send)

    def _drop_slash(self, scope: dict[str, Any]) -> None:
        """A slash at the end means nothing; where it does, only one behind the version does not."""
        path: str = scope["path"]
        if self.api.canonical is not None:
            scope["path"] = self.api.canonical(path)
            return
        if path.endswith("/") and not (self.api.wire.slash_counts and path.count("/") > 2):
            scope["path"] = path.rstrip("/") or "/"

    def _take_project(self, scope: dict[str, Any]) -> None:
        """Move a project id after the version out of the path, to be checked against the token."""
        prefix = self.api.prefix
        path: str = scope["path"]
        if not path.startswith(prefix + "/"):
            return
        word, slash, rest = path[len(prefix) + 1 :].partition("/")
        if word not in self.first_words and _PROJECT_ID.fullmatch(word):
            scope["path"] = f"{prefix}/{rest}" if slash else prefix
            scope["cumulet.project"] = word

    # -- one request ------------------------------------------------------------------------------------

    async def answer(
        self,
        endpoints: list[Endpoint],
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response,
        params: dict[str, str],
    ) -> None:
        """Fill the response with the endpoint's reply, or with the error that it met."""
        scope = req.scope
        request_id: str = scope.get("cumulet.request_id") or ids.request_id()
        context = Context(
            self.app,
            self.service,
            ANONYMOUS,
            request_id,
            base_url=scope["cumulet.base_url"],
            address=(scope.get("client") or ("",))[0],
        )
        with trace.request(self.app.traces, request_id, f"{req.method} {scope['cumulet.path']}") as span:
            try:
                reply = await self._reply(endpoints, req, context, params)
            except Error as error:
                reply = self._refusal(error, context, req)
                span.fail(error.status, error.message)
                if error.refused_by in context.denied:
                    refusals.note(span, error.refused_by, context.denied[error.refused_by])
            except falcon.HTTPError as error:
                reply = self._refusal(_meaning(error, req.method), context, req)
            except Exception as error:
                refusal = _unforeseen(error, request_id)
                if refusal.status == 500:
                    self.app.log.exception("request failed", request_id=request_id, path=req.path)
                reply = self._refusal(refusal, context, req)
                span.fail(refusal.status, f"{type(error).__name__}: {error}")
            span.done(reply.status)
        self._fill(resp, reply, context, head=req.method == "HEAD")

    async def _reply(
        self, endpoints: list[Endpoint], req: falcon.asgi.Request, ctx: Context, params: dict[str, str]
    ) -> Reply:
        headers: dict[str, str] = req.headers_lower
        if self.api.microversions is not None:
            ctx.version = self.api.microversions.bounds[0]
        endpoint = endpoints[0]
        if endpoint.anonymous:
            await self._recognize(ctx, headers)
        elif not endpoint.public:
            await self._authenticate(ctx, headers)
            if self.api.admit is not None:
                self.api.admit(ctx)
            self._check_project(ctx, req.scope)
        if self.api.microversions is not None:
            ctx.version = self.api.microversions.negotiate(headers)
        known = [item for item in endpoints if item.known_in(ctx.version)]
        if not known:
            raise NotFound("The resource could not be found.")
        if self.api.name_check is not None:
            self.api.name_check(req.path, req.scope.get("raw_path") or b"")
        elif "\0" in req.path:
            raise NotFound("The resource could not be found: no name has a NUL character.")
        if "" in params.values():
            raise NotFound("The resource could not be found: no name is empty.")
        endpoint = known[0]
        request = Request(req.method, req.path, params, Query(req.query_string), headers)
        request.client = (req.scope.get("client") or ("",))[0]
        request.asked = req.scope["cumulet.path"]
        if endpoint.raw:
            request.stream = _chunks(req)
        elif req.method in ("POST", "PUT", "PATCH", "DELETE"):
            await self._read_body(request, req, parsed=endpoint.parsed)
        if endpoint.action:
            endpoint = _chosen(known, request)
        if not endpoint.public:
            access_rules.require(ctx, request.method, req.scope["cumulet.asked"])
        return await self._run(endpoint, ctx, request)

    async def _run(self, endpoint: Endpoint, ctx: Context, request: Request) -> Reply:
        db = self.app.db
        result: Any
        rehearsed = endpoint.writes and "cumulet-dry-run" in request.headers
        if rehearsed and endpoint.is_async:
            raise BadRequest("This request does more than write rows, so it cannot be sent as a dry run.")
        if endpoint.prepare is not None:
            request.prepared = await endpoint.prepare(ctx, request)
        if endpoint.is_async:
            result = await endpoint.run(ctx, request)
        elif not endpoint.writes:
            result = await db.read_as(endpoint, endpoint.run, ctx, request)
        elif rehearsed:
            result = await _rehearse(ctx, endpoint, request)
        elif endpoint.takes_key and (key := request.headers.get("idempotency-key")):
            result = await db.transact(idempotency.once, key, endpoint, ctx, request)
        else:
            result = await db.transact(endpoint.run, ctx, request)
        if isinstance(result, Reply):
            return result
        return Reply(endpoint.status_at(ctx.version), result)

    async def _authenticate(self, ctx: Context, headers: dict[str, str]) -> None:
        ctx.identity = await self._identity(headers.get("x-auth-token", ""), headers)
        ctx.__dict__.pop("creds", None)
        if service_token := headers.get("x-service-token"):
            service = await self.app.tokens.identity(service_token)
            if service is None or not self.app.tokens.may_use(service, headers):
                raise Unauthorized(self.api.wire.unauthorized)
            ctx.service_roles = service.roles

    async def _recognize(self, ctx: Context, headers: dict[str, str]) -> None:
        """The caller is who the token says, and nobody without one that holds."""
        token = headers.get("x-auth-token") or headers.get("x-storage-token", "")
        tokens = self.app.tokens
        identity = await tokens.identity(token) if token else None
        if identity is not None and tokens.may_use(identity, headers):
            ctx.identity = identity
            ctx.__dict__.pop("creds", None)

    async def _identity(self, token: str, headers: dict[str, str]) -> Identity:
        tokens = self.app.tokens
        identity = tokens.cached(token) if token else None
        if identity is None and token:
            allow_expired = False
            if service_token := headers.get("x-service-token"):
                service = await tokens.identity(service_token)
                allow_expired = service is not None and "service" in service.roles
            identity = await tokens.identity(token, allow_expired=allow_expired)
        if identity is None or not tokens.may_use(identity, headers):
            raise Unauthorized(self.api.wire.unauthorized)
        return identity

    def _check_project(self, ctx: Context, scope: dict[str, Any]) -> None:
        word = scope.get("cumulet.project")
        if word is not None and word != ctx.project_id and not ctx.is_admin:
            raise BadRequest("Malformed request url")

    async def _read_body(self, request: Request, req: falcon.asgi.Request, *, parsed: bool) -> None:
        length = req.content_length
        if length is not None and length > MAX_BODY:
            raise TooLarge(f"The request body has {length} bytes; at most {MAX_BODY} are allowed.")
        if length == 0:
            return
        raw = await req.stream.read(MAX_BODY + 1)
        if len(raw) > MAX_BODY:
            raise TooLarge(f"The request body is larger than {MAX_BODY} bytes.")
        request.raw = raw
        if not raw or not parsed:
            return
        request.body = bodies.parse(raw, req.content_type)

    # -- answers ----------------------------------------------------------------------------------------

    def _refusal(self, error: Error, ctx: Context, req: falcon.asgi.Request) -> Reply:
        wire = self.api.wire
        if wire.error_at is not None:
            body = wire.error_at(error, ctx)
        else:
            write = wire.error_for(req.headers_lower.get("accept", "")) if wire.error_for else wire.error
            body = write(error, ctx.request_id)
        headers = error.headers
        if isinstance(error, Unauthorized):
            headers = {"WWW-Authenticate": f'Keystone uri="{self.app.identity_url}"', **headers}
        return Reply(error.status, body.content, headers, body.content_type)

    def _fill(self, resp: falcon.asgi.Response, reply: Reply, ctx: Context, *, head: bool) -> None:
        resp.status = reply.status
        set_header = resp.set_header
        set_header("X-Openstack-Request-Id", ctx.request_id)
        for name in self.api.request_id_headers:
            set_header(name, ctx.request_id)
        if self.api.answer_headers is not None:
            for name, value in self.api.answer_headers(ctx).items():
                set_header(name, value)
        if self.api.microversions is not None and ctx.version:
            for name, value in self.api.microversions.headers(ctx.version):
                set_header(name, value)
        for name, value in reply.headers.items():
            if name.lower() == "vary":
                resp.append_header(name, value)
            else:
                set_header(name, value if self._is_plain(value) else quote(value, _PLAIN))
        if reply.stream is not None:
            resp.content_type = reply.content_type
            resp.stream = reply.stream
        elif reply.body is not None:
            resp.content_type = reply.content_type
            data = reply.body if isinstance(reply.body, bytes) else _encode(reply.body)
            resp.data = b"" if head else data
            if head:
                set_header("Content-Length", str(len(data)))
        elif not (head and "Content-Length" in reply.headers):
            set_header("Content-Length", "0")

    def _is_plain(self, value: str) -> bool:
        """Whether a header can hold it as it is."""
        if value.isascii() and value.isprintable():
            return True
        return self.api.wire.raw_headers and _BYTES.fullmatch(value) is not None

    async def _routing_error(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, error: falcon.HTTPError, params: Any
    ) -> None:
        """What Falcon itself refuses: no such path, or not with this method."""
        ctx = Context(
            self.app, self.service, ANONYMOUS, req.scope.get("cumulet.request_id") or ids.request_id()
        )
        refusal = _meaning(error, req.method)
        try:
            if not isinstance(refusal, MethodNotAllowed) and req.path != "/":
                await self._authenticate(ctx, req.headers_lower)
            if self.api.microversions is not None:
                ctx.version = self.api.microversions.negotiate(req.headers_lower)
        except Error as earlier:
            refusal = earlier
        self._fill(resp, self._refusal(refusal, ctx, req), ctx, head=req.method == "HEAD")


_BYTES = re.compile(r"[\t -\x7e\x80-\xff]*")
_PLAIN = "".join(map(chr, range(32, 127)))
"""What needs no escape in a header."""
_UNEXPECTED = (
    "An unexpected error prevented the server from fulfilling your request. "
    "Its story is kept: cumulet trace {request_id}"
)


def _unforeseen(error: Exception, request_id: str) -> Error:
    """What nobody caught. A number of thousands of digits, which Python does not read, is the caller's."""
    if isinstance(error, ValueError) and "integer string conversion" in str(error):
        return BadRequest("A number of the request has too many digits.")
    return Error(_UNEXPECTED.format(request_id=request_id))


def _meaning(error: falcon.HTTPError, method: str) -> Error:
    """What Falcon refuses, in our words."""
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = _declared(dict(error.headers or {}).get("Allow", ""))
        refusal = f"The method {method} is not allowed for this resource."
        return MethodNotAllowed(refusal, headers={"Allow": allowed})
    if error.status_code == 404:
        return NotFound("The resource could not be found.")
    return BadRequest(error.title or "The request cannot be read.")


def _declared(allow: str) -> str:
    """An Allow header as upstream writes it: without what is there of itself, OPTIONS and GET's own HEAD."""
    methods = allow.split(", ")
    own = {"OPTIONS", "HEAD"} if "GET" in methods else {"OPTIONS"}
    return ", ".join(method for method in methods if method not in own)


def _resource(dispatcher: Dispatcher, endpoints: Iterable[Endpoint]) -> Any:
    """A Falcon resource with a responder for each method of the endpoints; GET answers HEAD too."""
    by_method: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        by_method[endpoint.method].append(endpoint)
    if "GET" in by_method and "HEAD" not in by_method:
        by_method["HEAD"] = by_method["GET"]

    def responder(choices: list[Endpoint]) -> Any:
        async def respond(self: Any, req: Any, resp: Any, **params: str) -> None:
            await dispatcher.answer(choices, req, resp, params)

        return respond

    async def options(self: Any, req: Any, resp: Any, **params: str) -> None:
        resp.set_header("Allow", ", ".join(sorted({*by_method, "OPTIONS"})))
        resp.set_header("X-Openstack-Request-Id", req.scope["cumulet.request_id"])
        resp.set_header("Content-Length", "0")

    responders = {f"on_{method.lower()}": responder(choices) for method, choices in by_method.items()}
    responders.setdefault("on_options", options)
    return type("Path", (), responders)()


def _chosen(endpoints: list[Endpoint], request: Request) -> Endpoint:
    """The action that the body's key names."""
    body = request.body
    if not isinstance(body, dict) or not body:
        raise BadRequest("The request body must be a JSON object with the name of one action.")
    for name in body:
        for endpoint in endpoints:
            if endpoint.action == name:
                return endpoint
    raise BadRequest(f"There is no such action: {', '.join(map(str, body))}")


class _Rehearsed(Exception):
    """Carries the answer of a dry run out of the transaction that must not commit."""

    def __init__(self, reply: Any) -> None:
        super().__init__()
        self.reply = reply


async def _rehearse(ctx: Context, endpoint: Endpoint, request: Request) -> Any:
    """The answer that a request would get; nothing of it is kept."""

    def run(tx: Any) -> None:
        raise _Rehearsed(endpoint.run(tx, ctx, request))

    try:
        await ctx.transact(run)
    except _Rehearsed as done:
        return done.reply


async def _chunks(req: falcon.asgi.Request) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises BadRequest when the client goes before its end: half a body is none."""
    async for chunk in req.stream:
        if chunk:
            yield chunk
    if req.scope.get("cumulet.gone"):
        raise BadRequest("The client went away before the whole body had arrived.")
