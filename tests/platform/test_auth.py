"""Who may do what: tokens, cookies, host names, origins, and every route of the application."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from starlette.routing import Mount

from gts.core.database import now
from gts.platform.app import create_app
from gts.platform.auth import SECURITY_HEADERS
from gts.platform.settings import load_settings
from gts.platform.tokens import Scope

# Public on purpose; everything else asks for a token.
PUBLIC = {
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/version"),
    ("GET", "/api/v1/openapi.json"),
    ("HEAD", "/api/v1/openapi.json"),
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/login"),
    ("GET", "/language"),
    ("GET", "/static/x"),
    ("GET", "/favicon.ico"),
    ("POST", "/login"),
    ("POST", "/logout"),
}


def routes_of(app):
    """(method, path) of every route, those of included routers too, with parameters filled in."""

    def walk(routes):
        for route in routes:
            if hasattr(route, "effective_candidates"):  # an included router
                yield from walk(route.effective_candidates())
            elif not isinstance(route, Mount):
                for method in route.methods or ():
                    yield method, re.sub(r"{[^}]*}", "x", route.path)

    return sorted(set(walk(app.routes)))


def test_every_route_is_public_on_purpose_or_asks_for_a_token(services, token):
    import dataclasses

    # The Hub's routes are open for public models on loopback; here they must ask as well.
    settings = services.settings.model_copy(update={"public_downloads": False})
    app = create_app(dataclasses.replace(services, settings=settings))
    routes = routes_of(app)
    assert ("POST", "/api/v1/jobs") in routes and ("GET", "/api/models/x/x") in routes and len(routes) > 20
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        for method, path in routes:
            answer = client.request(method, path)
            if (method, path) in PUBLIC:
                assert answer.status_code not in (401, 403), (method, path)
                continue
            to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            assert answer.status_code == 401 or to_login, (method, path, answer.status_code)


def test_every_answer_carries_the_security_headers(anonymous, http):
    for answer in (anonymous.get("/api/v1/health"), anonymous.get("/api/v1/jobs"), http.get("/nothing")):
        for name in SECURITY_HEADERS:
            assert name in answer.headers
    assert "unsafe-inline" not in SECURITY_HEADERS["Content-Security-Policy"]


def test_no_other_site_is_invited(anonymous):
    answer = anonymous.get("/api/v1/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.nip.example", "localhost.evil.example", "", "[", "[::1", "127.0.0.1:99999"],
)
def test_foreign_host_names_are_refused(anonymous, host):
    answer = anonymous.get("/api/v1/health", headers={"Host": host})
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "forbidden"
    assert anonymous.get("/new", headers={"Host": host, "Accept": "text/html"}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8750", "localhost", "[::1]:80", "LOCALHOST."])
def test_own_host_names_are_answered(anonymous, host):
    assert anonymous.get("/api/v1/health", headers={"Host": host}).status_code == 200


def test_the_token_in_the_url_becomes_a_cookie(anonymous, token):
    answer = anonymous.get(f"/?token={token}&page=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?page=2"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert anonymous.get("/api/v1/jobs").status_code == 200  # the client keeps cookies


def test_a_wrong_token_in_the_url_leads_to_the_form(anonymous):
    answer = anonymous.get("/?token=wrong")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/login?")
    assert "set-cookie" not in answer.headers


def test_the_form_leads_only_to_pages_of_this_site(anonymous, token):
    data = {"token": token, "next": "https://evil.example/"}
    answer = anonymous.post("/login", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie" in answer.headers


def test_pages_of_other_sites_cannot_use_the_cookie(anonymous, token, task):
    anonymous.get(f"/?token={token}")
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://testserver:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {},
    ):
        answer = anonymous.post("/api/v1/jobs", json=task, headers=headers)
        assert answer.status_code == 403, headers
    assert (
        anonymous.post("/api/v1/jobs", json=task, headers={"Origin": "http://testserver"}).status_code == 202
    )


def test_tokens_do_only_what_their_scopes_say(services, anonymous, task, published):
    def status(scope, method, path, **options):
        secret, _ = services.tokens.create("t", scopes=frozenset({scope}))
        headers = {"Authorization": f"Bearer {secret}"}
        return anonymous.request(method, path, headers=headers, **options).status_code

    predict = ("POST", "/api/v1/models/local/tickets/predict")
    assert status(Scope.READ, "GET", "/api/v1/jobs") == 200
    assert status(Scope.READ, "POST", "/api/v1/jobs", json=task) == 403
    assert status(Scope.WRITE, "POST", "/api/v1/jobs", json=task) == 202
    assert status(Scope.WRITE, "GET", "/api/v1/jobs") == 200
    assert status(Scope.INFER, *predict, json={"texts": ["a"]}) == 200
    assert status(Scope.READ, *predict, json={"texts": ["a"]}) == 403
    assert status(Scope.INFER, "GET", "/api/models/local/tickets") == 403


def test_a_limited_token_is_good_for_requests_about_its_repositories_only(services, app, published):
    """Every route of the API and every page, except those that are about the model it is limited to."""
    mine, _ = services.tokens.create("mine", repositories=frozenset({"local/tickets"}))
    other, _ = services.tokens.create("other", repositories=frozenset({"local/x", "datasets/local/tickets"}))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:

        def status(secret, method, path, **options):
            headers = {"Authorization": f"Bearer {secret}", "Origin": "http://testserver"}
            return client.request(method, path, headers=headers, **options).status_code

        for method, path in routes_of(app):
            of_the_hub = re.match(r"/api/(?!v1/)", path) or re.search(r"/(resolve|lfs)/", path)
            if (method, path) in PUBLIC or of_the_hub:
                continue
            assert status(mine, method, path) in (403, 422), (method, path)  # 422: the body is read first
        show, ask = "/api/v1/models/local/tickets", {"texts": ["a"]}
        assert [status(mine, "GET", path) for path in (show, "/models/local/tickets")] == [200, 200]
        assert status(mine, "POST", f"{show}/predict", json=ask) == 200
        assert status(mine, "POST", "/models/local/tickets@main", json={"inputs": "a"}) == 200
        assert status(mine, "PUT", f"{show}/aliases/production", json={"revision": "main"}) == 200
        assert status(other, "GET", show) == status(other, "POST", f"{show}/predict", json=ask) == 403
        assert status(other, "PUT", f"{show}/aliases/production", json={"revision": "main"}) == 403


def test_expired_revoked_and_mistyped_tokens_are_refused(services, anonymous):
    def status(secret):
        return anonymous.get("/api/v1/jobs", headers={"Authorization": f"Bearer {secret}"}).status_code

    good, record = services.tokens.create("t")
    assert status(good) == 200
    assert status(good[:-1] + ("x" if good[-1] != "x" else "y")) == 401
    services.tokens.revoke(record.id)
    assert status(good) == 401
    expired, _ = services.tokens.create("t", expires_at=now() - timedelta(seconds=1))
    assert status(expired) == 401
    for nonsense in ("", " ", "\u00e9".encode("latin-1").decode("latin-1"), "Bearer", "x" * 5000):
        assert (
            anonymous.get(
                "/api/v1/jobs", headers={"Authorization": b"Bearer " + nonsense.encode("latin-1")}
            ).status_code
            == 401
        )


def test_each_start_has_a_token_of_its_own(services):
    first = services.tokens.create_startup("here")
    second = services.tokens.create_startup("here")
    assert services.tokens.verify(second).kind == "startup"
    with pytest.raises(Exception, match="not valid"):
        services.tokens.verify(first)


def test_servers_that_share_a_database_leave_each_others_tokens_alone(services):
    one, other = services.tokens.create_startup("here"), services.tokens.create_startup("there")
    assert services.tokens.verify(one).active and services.tokens.verify(other).active


def test_an_operators_own_token_lives_on(services):
    chosen = "chosen-by-the-operator-0123456789abcdef"
    assert (
        services.tokens.create_startup("here", chosen)
        == chosen
        == services.tokens.create_startup("here", chosen)
    )
    assert services.tokens.verify(chosen).active


def test_the_database_holds_no_usable_token(services, token):
    with services.database.reading() as session:
        dump = "\n".join(session.connection().connection.driver_connection.iterdump())
    assert token not in dump and "tokens" in dump


def test_public_models_are_read_without_a_token_on_loopback_only(anonymous, published, services, app):
    assert anonymous.get("/api/models/local/tickets").status_code == 200
    services.registry.set_private("local", "tickets", True)
    assert anonymous.get("/api/models/local/tickets").status_code == 401
    assert not load_settings({"host": "192.0.2.1"}).downloads_are_public


@pytest.fixture
def proxied(services):
    """The application behind a proxy that ends TLS and asks it by another name."""
    import dataclasses

    settings = services.settings.model_copy(update={"public_url": "https://gts.example"})
    app = create_app(dataclasses.replace(services, settings=settings))
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("host", ["testserver", "gts.example"])
def test_behind_a_proxy_links_and_cookies_are_for_the_public_address(proxied, token, task, published, host):
    answer = proxied.get(f"/?token={token}", headers={"Host": host})
    assert "Secure" in answer.headers["set-cookie"]
    cookie = {"Host": host, "Cookie": answer.headers["set-cookie"].partition(";")[0]}
    page = proxied.get("/models/local/tickets", headers=cookie)
    assert page.status_code == 200
    assert "https://gts.example" in page.text and "http://testserver" not in page.text
    same = {**cookie, "Origin": "https://gts.example"}
    assert proxied.post("/api/v1/jobs", json=task, headers=same).status_code == 202
    other = {**cookie, "Origin": "https://evil.example"}
    assert proxied.post("/api/v1/jobs", json=task, headers=other).status_code == 403


def test_another_way_to_authorize_does_not_excuse_a_foreign_page(anonymous, token, task):
    anonymous.get(f"/?token={token}")
    headers = {"Origin": "https://evil.example", "Authorization": "Basic eA=="}
    assert anonymous.post("/api/v1/jobs", json=task, headers=headers).status_code == 403


def test_the_api_takes_no_token_from_its_url(anonymous, token):
    answer = anonymous.get(f"/api/v1/jobs?token={token}")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/api/v1/jobs", "/api/v1/models/local/tickets/predict", "/models/local/tickets"]
)
def test_who_has_no_token_is_refused_before_the_body_is_read(anonymous, path):
    answer = anonymous.post(path, content=b"{ no json", headers={"Content-Type": "application/json"})
    assert answer.status_code == 401
